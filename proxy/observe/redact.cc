#include "proxy/observe/redact.h"

#include <algorithm>
#include <array>

#include "base/percent.h"
#include "base/text.h"

namespace weir::proxy {
namespace {

// Without the hyphens and underscores that people put between.
constexpr std::array<std::string_view, 12> kWithin = {"token",  "secret",     "password",      "passwd",
                                                      "apikey", "credential", "authorization", "signature",
                                                      "cookie", "session",    "jwt",           "assertion"};
constexpr std::array<std::string_view, 9> kWhole = {"key", "auth", "pwd", "pass", "sig", "code", "pin", "otp", "nonce"};
constexpr std::size_t kLongestName = 128;  // of a longer one its beginning tells

struct PlainName {
  std::array<char, kLongestName> text{};
  std::size_t size = 0;
  std::string_view view() const { return {text.data(), size}; }
};

// Decoded, in lower case.
PlainName plain(std::string_view name) {
  PlainName out;
  for (std::size_t i = 0; i < name.size() && out.size < kLongestName; ++i) {
    const std::optional<char> escaped = escaped_octet(name.substr(i));
    out.text[out.size++] = lower_case(escaped.value_or(name[i]));
    if (escaped) i += kEscapeSize - 1;
  }
  return out;
}

PlainName without_marks(std::string_view name) {
  PlainName out;
  for (const char c : name) {
    if (c != '-' && c != '_' && c != '.') out.text[out.size++] = c;
  }
  return out;
}

}  // namespace

bool names_secret(std::string_view name, const std::vector<std::string>& more) {
  const PlainName lower = plain(name);
  if (std::find(more.begin(), more.end(), lower.view()) != more.end()) return true;
  const PlainName bare = without_marks(lower.view());
  if (std::find(kWhole.begin(), kWhole.end(), bare.view()) != kWhole.end()) return true;
  return std::any_of(kWithin.begin(), kWithin.end(),
                     [&](std::string_view word) { return bare.view().find(word) != std::string_view::npos; });
}

void append_redacted_query(std::string_view query, const std::vector<std::string>& more, std::string& out) {
  for (;;) {
    // Some servers take ";" for a mark between two as well.
    const std::size_t end = std::min(query.find_first_of("&;"), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && equals + 1 < pair.size() && names_secret(pair.substr(0, equals), more)) {
      out += pair.substr(0, equals + 1);
      out += kRedacted;
    } else {
      out += pair;
    }
    if (end == query.size()) return;
    out += query[end];
    query.remove_prefix(end + 1);
  }
}

void append_redacted_url(std::string_view url, const std::vector<std::string>& more, std::string& out) {
  const std::size_t question = std::min(url.find('?'), url.size());
  out += url.substr(0, question);
  if (question == url.size()) return;
  out += '?';
  append_redacted_query(url.substr(question + 1), more, out);
}

}  // namespace weir::proxy
