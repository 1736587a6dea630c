#include "proxy/observe/redact.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/hex.h"
#include "base/text.h"

namespace weir::proxy {
namespace {

enum class Rule : std::uint8_t {
  kWithin,  // anywhere in a name, whose "-", "_" and "." do not count: X-Auth-Token, csrf_token
  kLast,    // the whole name, or its last word behind one of these: sid, connect.sid
  kWhole,   // the whole name, without these
};
struct Word {
  std::string_view text;  // lower case
  Rule rule;
};

// docs/operations.md shows them.
constexpr std::array kSecrets = {
    Word{"token", Rule::kWithin},
    Word{"secret", Rule::kWithin},
    Word{"password", Rule::kWithin},
    Word{"passwd", Rule::kWithin},
    Word{"passphrase", Rule::kWithin},
    Word{"passcode", Rule::kWithin},
    Word{"apikey", Rule::kWithin},
    Word{"accesskey", Rule::kWithin},
    Word{"privatekey", Rule::kWithin},
    Word{"authkey", Rule::kWithin},
    Word{"credential", Rule::kWithin},
    Word{"authorization", Rule::kWithin},
    Word{"signature", Rule::kWithin},
    Word{"cookie", Rule::kWithin},
    Word{"session", Rule::kWithin},
    Word{"sessid", Rule::kWithin},
    Word{"jwt", Rule::kWithin},
    Word{"bearer", Rule::kWithin},
    Word{"csrf", Rule::kWithin},
    Word{"xsrf", Rule::kWithin},
    Word{"oauth", Rule::kWithin},
    Word{"saml", Rule::kWithin},
    Word{"assertion", Rule::kWithin},
    Word{"codeverifier", Rule::kWithin},
    Word{"appkey", Rule::kWithin},
    Word{"authcode", Rule::kWithin},
    Word{"otpcode", Rule::kWithin},
    Word{"subscriptionkey", Rule::kWithin},
    Word{"functionskey", Rule::kWithin},
    Word{"sid", Rule::kLast},
    Word{"sess", Rule::kLast},
    Word{"auth", Rule::kLast},
    Word{"pass", Rule::kLast},
    Word{"pwd", Rule::kLast},
    Word{"pw", Rule::kLast},
    Word{"sig", Rule::kLast},
    Word{"hmac", Rule::kLast},
    Word{"otp", Rule::kLast},
    Word{"pin", Rule::kLast},
    Word{"ticket", Rule::kLast},
    Word{"key", Rule::kWhole},
    Word{"code", Rule::kWhole},
    Word{"nonce", Rule::kWhole},
};
constexpr std::size_t kLongestName = 128;  // of a longer one its beginning tells
constexpr std::string_view kMarks = "-_.";

struct PlainName {
  std::array<char, kLongestName> text{};
  std::size_t size = 0;
  std::string_view view() const { return {text.data(), size}; }
};

// The first byte of a text that may be percent-encoded, and encoded again: "?" of "?", "%3F" and "%253f".
struct Symbol {
  char c = 0;
  std::size_t size = 1;
};

Symbol first_symbol(std::string_view text) {
  if (!text.starts_with('%')) return {text.front()};
  std::size_t at = 1;
  // Each encoding makes "%25" of the "%" that the one before has written.
  while (text.substr(at, 2) == "25" && octet_of(text.substr(at + 2))) at += 2;
  const std::optional<char> octet = octet_of(text.substr(at));
  return octet ? Symbol{*octet, at + 2} : Symbol{'%'};
}

// Decoded, in lower case.
PlainName plain(std::string_view name) {
  PlainName out;
  while (!name.empty() && out.size < kLongestName) {
    const Symbol symbol = first_symbol(name);
    out.text[out.size++] = lower_case(symbol.c);
    name.remove_prefix(symbol.size);
  }
  return out;
}

PlainName without_marks(std::string_view name) {
  PlainName out;
  for (const char c : name) {
    if (kMarks.find(c) == std::string_view::npos) out.text[out.size++] = c;
  }
  return out;
}

// Where secrets may stand in what is, or may be, a URL.
struct UrlParts {
  std::size_t user_begin = 0;  // equal to user_end: nobody is named in it
  std::size_t user_end = 0;
  std::size_t query_begin = 0;  // behind the "?", or the "#"; 0: there is none
  bool parameters = false;      // there is a "=" in the query
};

// What is encoded more often than the "//" before it is a part of a name or a password, no mark of the URL's: a whole
// URL may be one. Where nothing else tells, "@" ends the name and password of that one too.
UrlParts parts_of(std::string_view text) {
  UrlParts parts;
  std::array<char, 2> last{};
  std::size_t authority = 0;  // where it begins; 0: it has not come, or is over
  std::size_t mark_size = 0;  // of its slashes
  std::size_t user_size = 0;  // of the slashes within it that are encoded most often, or of its own
  for (std::size_t at = 0; at < text.size();) {
    const Symbol symbol = first_symbol(text.substr(at));
    const std::size_t end = at + symbol.size;
    const bool inside = authority != 0;
    // "//" alone begins a URL of whatever scheme the one around it has (RFC 3986 4.2).
    const bool marks = symbol.c == '/' && last[1] == '/' && (last[0] == ':' || last[0] == '\0');
    if (marks && parts.query_begin == 0) {
      if (!inside) {
        authority = end;
        mark_size = user_size = symbol.size;
      }
      user_size = std::max(user_size, symbol.size);
    } else if (inside && symbol.size <= user_size && symbol.c == '@') {
      parts = {.user_begin = authority, .user_end = at};
    } else if (inside && symbol.size <= mark_size &&
               std::string_view("/?# ").find(symbol.c) != std::string_view::npos) {
      authority = 0;
    }
    if (parts.query_begin != 0 && symbol.c == '=') parts.parameters = true;
    if (parts.query_begin == 0 && (symbol.c == '?' || symbol.c == '#')) parts.query_begin = end;
    last = {last[1], symbol.c};
    at = end;
  }
  return parts;
}

// A value that is a URL of its own, most often an encoded one, without its secrets: names in it are encoded by rules
// that nobody knows, so that all of its query goes.
void append_redacted_value(std::string_view value, std::string& out) {
  if (value.find_first_of("%?#@") == std::string_view::npos) {
    out += value;
    return;
  }
  const UrlParts parts = parts_of(value);
  const std::size_t end = parts.parameters ? parts.query_begin : value.size();
  if (parts.user_begin == parts.user_end) {
    out += value.substr(0, end);
  } else {
    out += value.substr(0, parts.user_begin);
    out += kRedacted;
    out += value.substr(parts.user_end, end - parts.user_end);
  }
  if (parts.parameters) out += kRedacted;
}

}  // namespace

bool names_secret(std::string_view name, const std::vector<std::string>& more) {
  const PlainName lower = plain(name);
  if (std::find(more.begin(), more.end(), lower.view()) != more.end()) return true;
  const PlainName bare = without_marks(lower.view());
  const std::size_t mark = lower.view().find_last_of(kMarks);
  const std::string_view last = mark == std::string_view::npos ? lower.view() : lower.view().substr(mark + 1);
  return std::any_of(kSecrets.begin(), kSecrets.end(), [&](const Word& word) {
    if (word.rule == Rule::kWithin) return bare.view().find(word.text) != std::string_view::npos;
    return bare.view() == word.text || (word.rule == Rule::kLast && last == word.text);
  });
}

void append_redacted_query(std::string_view query, const std::vector<std::string>& more, std::string& out) {
  for (;;) {
    // Some servers take ";" for a mark between two as well.
    const std::size_t end = std::min(query.find_first_of("&;"), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? pair : pair.substr(equals + 1);
    out += pair.substr(0, pair.size() - value.size());
    if (equals != std::string_view::npos && !value.empty() && names_secret(pair.substr(0, equals), more)) {
      out += kRedacted;
    } else {
      append_redacted_value(value, out);
    }
    if (end == query.size()) return;
    out += query[end];
    query.remove_prefix(end + 1);
  }
}

void append_redacted_path(std::string_view path, const std::vector<std::string>& more, std::string& out) {
  if (path.find(';') == std::string_view::npos) return append_redacted_value(path, out);
  // A name or a password before a host may hold a ";" too, so that they go first.
  std::string shown;
  append_redacted_value(path, shown);
  std::string_view rest = shown;
  for (;;) {
    const std::size_t mark = rest.find(';');
    if (mark == std::string_view::npos) break;
    out += rest.substr(0, mark + 1);
    rest.remove_prefix(mark + 1);
    const std::string_view parameter = rest.substr(0, rest.find_first_of(";/"));
    const std::size_t value = parameter.find('=') + 1;  // 0: it has none
    if (value == 0 || value == parameter.size() || !names_secret(parameter.substr(0, value - 1), more)) continue;
    out += parameter.substr(0, value);
    out += kRedacted;
    rest.remove_prefix(parameter.size());
  }
  out += rest;
}

void append_redacted_url(std::string_view url, const std::vector<std::string>& more, std::string& out) {
  const std::size_t question = std::min(url.find('?'), url.size());
  append_redacted_path(url.substr(0, question), more, out);
  if (question == url.size()) return;
  out += '?';
  append_redacted_query(url.substr(question + 1), more, out);
}

}  // namespace weir::proxy
