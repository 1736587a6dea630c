// Immutable, and pure functions. One header field, and the names that the proxy itself has to know.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/text.h"

namespace weir::http {

// Names that mean something to the proxy. At most 64, so that a set of them is one word.
enum class FieldId : std::uint8_t {
  kOther = 0,
  kHost,
  kContentLength,
  kTransferEncoding,
  kConnection,
  kKeepAlive,
  kProxyConnection,
  kTe,
  kTrailer,
  kUpgrade,
  kHttp2Settings,
  kExpect,
  kMaxForwards,
  kCookie,
  kSetCookie,
  kAuthorization,
  kContentType,
  kContentEncoding,
  kDate,
  kServer,
  kVia,
  kRetryAfter,
  kForwarded,
  kXForwardedFor,
  kXForwardedProto,
  kXForwardedHost,
  kXForwardedClientCert,
  kXForwardedOther,  // X-Forwarded-Port, -Prefix, -Ssl and the like, by either spelling
  kXRequestId,
  kTraceparent,
  kTracestate,
  kXWeirVersion,
  kXWeirReason,
  kXWeirShadow,
  kLookalike,  // one of these but for "_" where it has "-": servers of the CGI kind cannot tell the two apart
};
inline constexpr int kFieldIdCount = static_cast<int>(FieldId::kLookalike) + 1;
static_assert(kFieldIdCount <= 64);

using FieldMask = std::uint64_t;
constexpr FieldMask field_bit(FieldId id) { return FieldMask{1} << static_cast<unsigned>(id); }

// Field names are case-insensitive (RFC 9110 5.1). kOther for a name that means nothing.
FieldId field_id(std::string_view name);

// Equal but for the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// What a server of the CGI kind makes of a name's byte, but for the case (RFC 3875 4.1.18).
constexpr char variable_char(char c) { return c == '_' ? '-' : lower_case(c); }
// Such a server cannot tell the two names apart.
bool same_variable(std::string_view a, std::string_view b);

struct Field {
  std::string_view name;   // as received
  std::string_view value;  // without the whitespace around it
  FieldId id = FieldId::kOther;
  // Not to be forwarded, and hidden from every search.
  bool dropped = false;
  // The bytes from name to value are `name: value` and CRLF follows: lines that stand side by side are copied at once.
  bool plain_line = false;
};

}  // namespace weir::http
