#include "proxy/route/path.h"

#include <optional>

#include "proxy/http/bytes.h"

namespace weir::proxy {
namespace {

constexpr std::string_view kUpperHex = "0123456789ABCDEF";

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// The octet of the escape at `path[at]`, or nothing when it is malformed.
std::optional<char> escaped_octet(std::string_view path, std::size_t at) {
  if (path.size() - at < 3) return std::nullopt;
  const int high = http::hex_value(path[at + 1]);
  const int low = http::hex_value(path[at + 2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

// Returns how many characters were written, or nothing when an escape is malformed. `space` holds at least path.size().
std::optional<std::size_t> decode_unreserved(std::string_view path, std::span<char> space) {
  std::size_t out = 0;
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] != '%') {
      space[out++] = path[at];
      continue;
    }
    const std::optional<char> octet = escaped_octet(path, at);
    if (!octet) return std::nullopt;
    if (is_unreserved(*octet)) {
      space[out++] = *octet;
    } else {
      const auto bits = static_cast<unsigned char>(*octet);
      space[out++] = '%';
      space[out++] = kUpperHex[bits >> 4];
      space[out++] = kUpperHex[bits & 15];
    }
    at += 2;
  }
  return out;
}

// In place; what is written never overtakes what is read. Empty segments ("//") are segments like others.
std::size_t remove_dot_segments(std::span<char> path) {
  std::size_t out = 0;
  std::size_t at = 0;
  while (at < path.size()) {
    std::size_t end = at + 1;
    while (end < path.size() && path[end] != '/') ++end;
    const std::string_view segment(&path[at] + 1, end - at - 1);
    const bool up = segment == "..";
    if (up) {
      while (out > 0 && path[--out] != '/') continue;
    }
    if (up || segment == ".") {
      if (end == path.size()) path[out++] = '/';
    } else {
      for (std::size_t i = at; i < end; ++i) path[out++] = path[i];
    }
    at = end;
  }
  return out;
}

}  // namespace

NormalPath normalise_path(std::string_view path, std::span<char> space) {
  if (path.empty()) return {true, "/"};
  if (path.front() != '/') return {true, path};
  const bool escapes = path.find('%') != std::string_view::npos;
  const bool dots = path.find("/.") != std::string_view::npos;
  if (!escapes && !dots) return {true, path};

  if (path.size() > space.size()) return {};
  const std::optional<std::size_t> decoded = decode_unreserved(path, space);
  if (!decoded) return {};
  const std::size_t size = remove_dot_segments(space.first(*decoded));
  return {true, std::string_view(space.data(), size)};
}

}  // namespace weir::proxy
