#include "config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/pattern.h"
#include "base/text.h"
#include "config/address.h"
#include "config/units.h"

namespace weir::config {
namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

bool is_text(std::string_view text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !text.empty() && text.size() <= kMaxText && std::none_of(text.begin(), text.end(), control);
}

// A name becomes a header's value, a metric's label, a part of a path and of a salt.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && is_letter_or_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_letter_or_digit(c) || is_one_of(c, "._-:@+"); });
}

// RFC 9110 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
  });
}

// The proxy answers CONNECT and TRACE itself.
bool is_method(std::string_view text) {
  const auto upper = [](char c) { return !(c >= 'a' && c <= 'z'); };
  return is_token(text) && std::all_of(text.begin(), text.end(), upper) && text != "CONNECT" && text != "TRACE";
}

// As a request's Host can name it: a name or digits, an IPv6 address in brackets.
bool is_host(std::string_view text) {
  return is_host_name(text) ||
         (text.starts_with('[') && text.ends_with(']') && parse_host_port(std::string(text) + ":0").has_value());
}

// Escaped only what has to be, in capitals: what a request's path is brought to before it is matched (RFC 3986 6.2.2).
bool is_escape(std::string_view text) {
  const auto digit = [](char c) {
    return (c >= '0' && c <= '9') ? c - '0' : (c >= 'A' && c <= 'F') ? c - 'A' + 10 : -1;
  };
  if (text.size() < 3 || digit(text[1]) < 0 || digit(text[2]) < 0) return false;
  const auto octet = static_cast<char>(digit(text[1]) * 16 + digit(text[2]));
  return !is_letter_or_digit(octet) && !is_one_of(octet, "-._~");
}

bool has_dot_segment(std::string_view path) {
  for (const std::string_view dots : {"/./", "/../"}) {
    if (path.find(dots) != std::string_view::npos || path.ends_with(dots.substr(0, dots.size() - 1))) return true;
  }
  return false;
}

// In its normal form: another one would never match, or hide that two routes are the same.
bool is_path(std::string_view text) {
  if (!text.starts_with('/') || text.size() > kMaxText || has_dot_segment(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_visible(text[i]) || text[i] == '?' || text[i] == '#') return false;
    if (text[i] == '%' && !is_escape(text.substr(i))) return false;
  }
  return true;
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// Whether `parse` reads it, and as something within the bounds. "none" lies within them where they say so.
template <class Parse>
bool lies_within(std::string_view text, const Range& range, Parse parse) {
  if (text == "none") return range.none;
  const auto value = parse(text);
  if (!value) return false;
  return (range.least.empty() || *value >= *parse(range.least)) && (range.most.empty() || *value <= *parse(range.most));
}

bool quantity_fits(const Key& key, std::string_view text) {
  switch (key.kind) {
    case Kind::kCount:
      return lies_within(text, key.range, parse_number<std::uint32_t>);
    case Kind::kDuration:
      return lies_within(text, key.range, parse_duration);
    case Kind::kSize:
      return lies_within(text, key.range, parse_size);
    case Kind::kPercent:
      return lies_within(text, key.range, parse_percent_ppm);
    case Kind::kShare:
      return lies_within(text, key.range, parse_share);
    case Kind::kNumber:
      return lies_within(text, key.range, parse_number<double>);
    case Kind::kDegradation:
      return lies_within(text, key.range, parse_share) || lies_within(text, key.time, parse_duration) ||
             (!key.amount.most.empty() && lies_within(text, key.amount, parse_number<double>));
    default:
      return false;
  }
}

}  // namespace

bool fits(const Key& key, std::string_view text) {
  switch (key.kind) {
    case Kind::kString:
      return is_text(text);
    case Kind::kName:
      return is_name(text);
    case Kind::kFieldName:
      return is_token(text) && !unfit_field(text);
    case Kind::kCookieName:
      return is_token(text);
    case Kind::kMethods:
      return is_method(text);
    case Kind::kHost:
      return is_host(text);
    case Kind::kHostRule:
      return is_host(text.starts_with("*.") ? text.substr(2) : text) && !text.starts_with("*.[");
    case Kind::kPattern:
      return is_text(text) && pattern_fault(text).empty();
    case Kind::kBody:
      return text.size() <= kMaxBody;
    case Kind::kPath:
      return is_path(text);
    case Kind::kAddress:
      return parse_listen_address(text).has_value();
    case Kind::kListenAddress:
      return parse_listen_address(text).has_value() || parse_unix_path(text).has_value();
    case Kind::kBoolean:
      return text == "true" || text == "false";
    case Kind::kWord:
    case Kind::kWordOrObject:
      return std::find(key.words.begin(), key.words.end(), text) != key.words.end();
    case Kind::kObjectOrOff:
      return text == "off" || text == "false";  // YAML 1.1 reads a bare `off` as false
    default:
      return quantity_fits(key, text);
  }
}

std::string pattern_fault(std::string_view text) {
  std::string why;
  Pattern::compile(text, why);
  return why;
}

bool is_owned_field(std::string_view name) {
  constexpr std::array<std::string_view, 10> kOwned = {
      "connection", "content-length",    "expect", "host", "http2-settings", "keep-alive", "proxy-connection",
      "te",         "transfer-encoding", "upgrade"};
  return std::find(kOwned.begin(), kOwned.end(), lower_case(name)) != kOwned.end();
}

// A list of the way here begins with what anybody says, also where a trusted hop has added to it. An id is of one
// request, and where it is ours it is drawn.
std::optional<UnfitField> unfit_field(std::string_view given) {
  const std::string name = lower_case(given);
  std::string dashed = name;
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  if (is_owned_field(name)) return UnfitField{"the proxy takes it off first", "another header"};
  if (dashed == "x-forwarded-for" || dashed == "forwarded")
    return UnfitField{"it begins with whatever the client says", "clientAddress, or allow and deny on the route"};
  if (dashed == "x-request-id") return UnfitField{"it is another one for each request", "another header"};
  if (dashed != name && (dashed.starts_with("x-forwarded-") || dashed.starts_with("x-weir-")))
    return UnfitField{"it is taken off, for servers of the CGI kind take it for one of the weir's own",
                      "a dash for each underscore"};
  return std::nullopt;
}

}  // namespace weir::config
