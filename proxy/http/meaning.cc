#include "proxy/http/meaning.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "proxy/http/bytes.h"

namespace weir::http {
namespace {

constexpr FieldMask kHopByHop = field_bit(FieldId::kConnection) | field_bit(FieldId::kKeepAlive) |
                                field_bit(FieldId::kProxyConnection) | field_bit(FieldId::kTe) |
                                field_bit(FieldId::kTransferEncoding) | field_bit(FieldId::kContentLength) |
                                field_bit(FieldId::kUpgrade) | field_bit(FieldId::kHttp2Settings);

// Decimal digits and nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || !is_digit(text.front())) return {};
  return value;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Visits the elements of a comma-separated list; empty ones too.
template <class Visit>
void for_each_element(std::string_view list, Visit visit) {
  for (;;) {
    const std::size_t comma = list.find(',');
    visit(trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// Meant for all recipients on the way, and so nobody's to nominate (RFC 9110 7.6.1). A client could else take away
// what a trusted proxy before us says of it, and be taken for that proxy.
constexpr FieldMask kForAllRecipients =
    field_bit(FieldId::kForwarded) | field_bit(FieldId::kXForwardedFor) | field_bit(FieldId::kXForwardedProto) |
    field_bit(FieldId::kXForwardedHost) | field_bit(FieldId::kXForwardedClientCert) |
    field_bit(FieldId::kXForwardedOther) | field_bit(FieldId::kXRequestId) | field_bit(FieldId::kVia) |
    field_bit(FieldId::kTraceparent) | field_bit(FieldId::kTracestate);

// Each is looked for among all fields: a head of nothing but options would cost a hundred others.
constexpr std::size_t kMostConnectionOptions = 64;

struct ConnectionOptions {
  std::size_t count = 0;  // empty ones included
  bool close = false;
  bool keep_alive = false;
};

// Reads every Connection field, and drops what they nominate. They themselves stay until all have been read.
ConnectionOptions take_connection_options(FieldList& fields, NameSet& nominated) {
  ConnectionOptions options;
  if (!fields.has(FieldId::kConnection)) return options;
  for (const Field& field : fields) {
    if (field.id != FieldId::kConnection) continue;
    for_each_element(field.value, [&](std::string_view option) {
      if (++options.count > kMostConnectionOptions) return;
      if (equal_ignoring_case(option, "close")) {
        options.close = true;
      } else if (equal_ignoring_case(option, "keep-alive")) {
        options.keep_alive = true;
      } else if (!option.empty() && ((kHopByHop | kForAllRecipients) & field_bit(field_id(option))) == 0) {
        fields.drop(option);
        nominated.add(option);
      }
    });
  }
  return options;
}

struct Framing {
  bool chunked = false;
  std::optional<std::uint64_t> length;
};

Fault read_transfer_encoding(const FieldList& fields, int minor_version) {
  if (minor_version == 0) return Fault::kEncodingInHttp10;
  std::size_t codings = 0;
  bool chunked = false;
  bool malformed = false;
  for (const Field& field : fields) {
    if (field.id != FieldId::kTransferEncoding) continue;
    for_each_element(field.value, [&](std::string_view coding) {
      ++codings;
      malformed = malformed || coding.empty() || find_not_token(coding, 0) != coding.size();
      chunked = chunked || equal_ignoring_case(coding, "chunked");
    });
  }
  if (malformed || (chunked && codings != 1)) return Fault::kBadTransferEncoding;
  return chunked ? Fault::kNone : Fault::kUnknownTransferEncoding;
}

Fault read_framing(const FieldList& fields, int minor_version, Framing& framing) {
  const bool encoded = fields.has(FieldId::kTransferEncoding);
  const Field* const length = fields.find(FieldId::kContentLength);
  if (encoded && length != nullptr) return minor_version == 0 ? Fault::kEncodingInHttp10 : Fault::kLengthAndEncoding;
  if (encoded) {
    framing.chunked = true;
    return read_transfer_encoding(fields, minor_version);
  }
  if (length == nullptr) return Fault::kNone;
  const auto is_length = [](const Field& field) { return field.id == FieldId::kContentLength; };
  if (std::count_if(fields.begin(), fields.end(), is_length) != 1) return Fault::kRepeatedContentLength;
  framing.length = parse_number(length->value);
  return framing.length ? Fault::kNone : Fault::kBadContentLength;
}

// RFC 3986 3.2.2, without the IPvFuture that nobody has defined, and without zones.
bool is_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) return false;
  std::copy(text.begin(), text.end(), terminated.begin());
  in6_addr address;
  return ::inet_pton(AF_INET6, terminated.data(), &address) == 1;
}

// Without the escapes of RFC 3986 3.2.2: no name in use needs one, and it would be another spelling of the same host.
bool is_reg_name(std::string_view text) {
  const auto allowed = [](char c) {
    return is_digit(c) || is_alpha(c) || std::string_view("-._~!$&'()*+,;=").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

// ":" and a number that is one of TCP's, or nothing behind the colon.
bool is_port(std::string_view text) {
  if (text.front() != ':') return false;
  text.remove_prefix(1);
  if (text.empty()) return true;
  const std::optional<std::uint64_t> number = parse_number(text);
  return number && *number <= 65'535;
}

// False: it is not valid, and the head has none.
bool take_authority(std::string_view authority, RequestHead& head) {
  const bool valid = split_authority(authority, head.host);
  head.authority = valid ? authority : std::string_view();
  return valid;
}

// The target's own authority, when it has one (absolute-form, RFC 9112 3.2.2).
Fault read_target(RequestHead& head, std::string_view& target_authority) {
  std::string_view rest = head.target;
  if (rest == "*") {
    if (head.method != "OPTIONS") return Fault::kBadTarget;
    head.path = rest;
    return Fault::kNone;
  }
  if (!rest.starts_with('/')) {
    const std::size_t scheme = rest.find("://");
    if (scheme == std::string_view::npos) return Fault::kBadTarget;
    const std::string_view name = rest.substr(0, scheme);
    if (!equal_ignoring_case(name, "http") && !equal_ignoring_case(name, "https")) return Fault::kBadTarget;
    rest.remove_prefix(scheme + 3);
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    target_authority = rest.substr(0, end);
    if (target_authority.empty()) return Fault::kBadTarget;
    rest.remove_prefix(end);
  }
  const std::size_t question = rest.find('?');
  head.path = rest.substr(0, question);
  // RFC 9112 3.2.4: OPTIONS of an authority alone is about the server, as a whole.
  if (head.path.empty()) head.path = head.method == "OPTIONS" && question == std::string_view::npos ? "*" : "/";
  head.has_query = question != std::string_view::npos;
  if (head.has_query) head.query = rest.substr(question + 1);
  return Fault::kNone;
}

Fault read_authority(RequestHead& head, std::string_view target_authority) {
  const Field* const host = head.fields.find(FieldId::kHost);
  if (host == nullptr && head.minor_version > 0) return Fault::kMissingHost;
  const auto is_host = [](const Field& field) { return field.id == FieldId::kHost; };
  if (host != nullptr && std::count_if(head.fields.begin(), head.fields.end(), is_host) != 1)
    return Fault::kRepeatedHost;
  if (host != nullptr && !take_authority(host->value, head)) return Fault::kBadHost;
  if (target_authority.empty()) return Fault::kNone;
  return take_authority(target_authority, head) ? Fault::kNone : Fault::kBadTarget;
}

Fault read_expectation(RequestHead& head) {
  const Field* const expect = head.fields.find(FieldId::kExpect);
  if (expect == nullptr || head.minor_version == 0) return Fault::kNone;
  if (!equal_ignoring_case(expect->value, "100-continue")) return Fault::kBadExpectation;
  head.expect_continue = head.framing == BodyFraming::kChunked || head.content_length > 0;
  return Fault::kNone;
}

Fault read_max_forwards(RequestHead& head) {
  if (head.method != "OPTIONS") return Fault::kNone;
  const Field* const field = head.fields.find(FieldId::kMaxForwards);
  if (field == nullptr) return Fault::kNone;
  const std::optional<std::uint64_t> hops = parse_number(field->value);
  if (!hops || *hops > UINT32_MAX) return Fault::kBadMaxForwards;
  head.answer_here = *hops == 0;
  if (*hops > 0) head.max_forwards = static_cast<std::uint32_t>(*hops - 1);
  head.fields.drop(FieldId::kMaxForwards);
  return Fault::kNone;
}

void read_keep_alive_timeout(ResponseHead& head) {
  const std::string_view value = head.fields.value(FieldId::kKeepAlive);
  for_each_element(value, [&](std::string_view parameter) {
    constexpr std::string_view kName = "timeout=";
    if (parameter.size() <= kName.size() || !equal_ignoring_case(parameter.substr(0, kName.size()), kName)) return;
    const std::optional<std::uint64_t> seconds = parse_number(parameter.substr(kName.size()));
    if (seconds) head.keep_alive_timeout_s = static_cast<std::uint32_t>(std::min<std::uint64_t>(*seconds, UINT32_MAX));
  });
}

}  // namespace

bool split_authority(std::string_view authority, std::string_view& host) {
  const bool literal = authority.starts_with('[');
  const std::size_t bracket = literal ? authority.find(']') : 0;
  if (bracket == std::string_view::npos) return false;
  const std::size_t end = literal ? bracket + 1 : std::min(authority.find(':'), authority.size());
  host = authority.substr(0, end);
  if (literal ? !is_ipv6(host.substr(1, bracket - 1)) : !is_reg_name(host)) return false;
  return end == authority.size() || is_port(authority.substr(end));
}

void describe_target(RequestHead& head) {
  std::string_view rest = head.target;
  if (!rest.starts_with('/')) {
    const std::size_t scheme = rest.find("://");
    const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    const std::size_t at = rest.substr(0, rest.find('/', begin)).rfind('@');
    if (at != std::string_view::npos) rest.remove_prefix(at + 1);
  }
  const std::size_t question = rest.find('?');
  head.path = rest.substr(0, question);
  head.has_query = question != std::string_view::npos;
  head.query = head.has_query ? rest.substr(question + 1) : std::string_view();
}

Fault understand(RequestHead& head) {
  if (head.method == "CONNECT") return Fault::kConnect;
  std::string_view target_authority;
  Framing framing;
  Fault fault = read_target(head, target_authority);
  if (fault == Fault::kNone) fault = read_authority(head, target_authority);
  if (fault == Fault::kNone) fault = read_framing(head.fields, head.minor_version, framing);
  if (fault != Fault::kNone) return fault;
  if (head.method == "TRACE") return Fault::kTrace;
  if (framing.chunked) head.framing = BodyFraming::kChunked;
  if (framing.length) {
    head.framing = BodyFraming::kLength;
    head.content_length = *framing.length;
  }
  fault = read_expectation(head);
  if (fault == Fault::kNone) fault = read_max_forwards(head);
  if (fault != Fault::kNone) return fault;
  const ConnectionOptions options = take_connection_options(head.fields, head.nominated);
  if (options.count > kMostConnectionOptions) return Fault::kTooManyFields;
  head.keep_alive = !options.close && (head.minor_version > 0 || options.keep_alive);
  head.fields.drop(kHopByHop | field_bit(FieldId::kHost) | field_bit(FieldId::kExpect) |
                   field_bit(FieldId::kLookalike));
  return Fault::kNone;
}

Fault understand(ResponseHead& head, bool head_request) {
  if (head.status == 101) return Fault::kUnaskedUpgrade;
  Framing framing;
  const bool bodiless = head_request || head.status < 200 || head.status == 204 || head.status == 304;
  const Fault fault = read_framing(head.fields, head.minor_version, framing);
  if (fault != Fault::kNone) return fault;
  const ConnectionOptions options = take_connection_options(head.fields, head.nominated);
  if (options.count > kMostConnectionOptions) return Fault::kTooManyFields;
  head.keep_alive = !options.close && (head.minor_version > 0 || options.keep_alive);
  read_keep_alive_timeout(head);
  head.length_known = framing.length.has_value() && head.status >= 200 && head.status != 204;
  head.content_length = framing.length.value_or(0);
  if (bodiless) {
    head.framing = BodyFraming::kNone;
  } else if (framing.chunked) {
    head.framing = BodyFraming::kChunked;
  } else if (framing.length) {
    head.framing = BodyFraming::kLength;
  } else {
    head.framing = BodyFraming::kUntilClose;
    head.keep_alive = false;
  }
  head.fields.drop(kHopByHop);
  return Fault::kNone;
}

}  // namespace weir::http
