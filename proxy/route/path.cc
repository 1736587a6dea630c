#include "proxy/route/path.h"

#include <optional>

#include "base/percent.h"

namespace weir::proxy {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// Of an octet that a slash may be meant by.
bool is_slash(char octet) { return octet == '/' || octet == '\\'; }

struct Decoded {
  PathFault fault = PathFault::kNone;
  std::size_t size = 0;
};

// `space` holds at least path.size().
Decoded decode_unreserved(std::string_view path, config::SlashPolicy slashes, std::span<char> space) {
  std::size_t out = 0;
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] != '%') {
      const bool backslash = path[at] == '\\' && slashes != config::SlashPolicy::kKeep;
      if (backslash && slashes == config::SlashPolicy::kReject) return {PathFault::kEncodedSlash, 0};
      space[out++] = backslash ? '/' : path[at];
      continue;
    }
    const std::optional<char> octet = escaped_octet(path.substr(at));
    if (!octet) return {PathFault::kMalformed, 0};
    const bool slash = slashes != config::SlashPolicy::kKeep && is_slash(*octet);
    if (slash && slashes == config::SlashPolicy::kReject) return {PathFault::kEncodedSlash, 0};
    if (slash || is_unreserved(*octet)) {
      space[out++] = slash ? '/' : *octet;
    } else {
      for (const char c : escape_of(*octet)) space[out++] = c;
    }
    at += kEscapeSize - 1;
  }
  return {PathFault::kNone, out};
}

// In place.
std::size_t merge_slashes(std::span<char> path) {
  std::size_t out = 0;
  for (const char c : path) {
    if (c != '/' || out == 0 || path[out - 1] != '/') path[out++] = c;
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

// In one pass: nearly every path is.
bool is_normal(std::string_view path, const config::PathPolicy& policy) {
  const bool backslash_stays = policy.encoded_slash == config::SlashPolicy::kKeep;
  const bool double_stays = policy.double_slash == config::SlashPolicy::kKeep;
  char before = 0;
  for (const char c : path) {
    if (c == '%' || (c == '\\' && !backslash_stays)) return false;
    if (before == '/' && (c == '.' || (c == '/' && !double_stays))) return false;
    before = c;
  }
  return true;
}

}  // namespace

NormalPath normalise_path(std::string_view path, const config::PathPolicy& policy, std::span<char> space) {
  using config::SlashPolicy;
  if (path.empty()) return {PathFault::kNone, "/"};
  if (path.front() != '/') return {PathFault::kNone, path};
  if (is_normal(path, policy)) return {PathFault::kNone, path};

  if (path.size() > space.size()) return {};
  const Decoded decoded = decode_unreserved(path, policy.encoded_slash, space);
  if (decoded.fault != PathFault::kNone) return {decoded.fault, {}};
  // Before the dots, as servers that merge do: "/a//.." is "/" to them. No dot segment leaves two slashes behind.
  std::size_t size = decoded.size;
  if (policy.double_slash == SlashPolicy::kMerge) size = merge_slashes(space.first(size));
  if (policy.double_slash == SlashPolicy::kReject &&
      std::string_view(space.data(), size).find("//") != std::string_view::npos) {
    return {PathFault::kDoubleSlash, {}};
  }
  size = remove_dot_segments(space.first(size));
  return {PathFault::kNone, std::string_view(space.data(), size)};
}

http::LocalReply path_refusal(PathFault fault) {
  http::LocalReply reply = http::refusal(http::Fault::kBadTarget);
  if (fault == PathFault::kDoubleSlash) {
    reply.code = "double_slash";
    reply.reason = "the path has two slashes one after another";
  } else if (fault == PathFault::kEncodedSlash) {
    reply.code = "encoded_slash";
    reply.reason = "the path has a percent-encoded slash or backslash";
  }
  return reply;
}

}  // namespace weir::proxy
