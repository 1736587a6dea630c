#include "proxy/http/field.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "base/text.h"

namespace weir::http {
namespace {

struct KnownField {
  std::string_view name;  // lower case
  FieldId id;
};

// By length; field_id() looks at one length only.
constexpr std::array kKnownFields = {
    KnownField{"te", FieldId::kTe},
    KnownField{"via", FieldId::kVia},
    KnownField{"host", FieldId::kHost},
    KnownField{"date", FieldId::kDate},
    KnownField{"cookie", FieldId::kCookie},
    KnownField{"expect", FieldId::kExpect},
    KnownField{"server", FieldId::kServer},
    KnownField{"trailer", FieldId::kTrailer},
    KnownField{"upgrade", FieldId::kUpgrade},
    KnownField{"forwarded", FieldId::kForwarded},
    KnownField{"connection", FieldId::kConnection},
    KnownField{"keep-alive", FieldId::kKeepAlive},
    KnownField{"set-cookie", FieldId::kSetCookie},
    KnownField{"tracestate", FieldId::kTracestate},
    KnownField{"retry-after", FieldId::kRetryAfter},
    KnownField{"traceparent", FieldId::kTraceparent},
    KnownField{"content-type", FieldId::kContentType},
    KnownField{"max-forwards", FieldId::kMaxForwards},
    KnownField{"x-request-id", FieldId::kXRequestId},
    KnownField{"authorization", FieldId::kAuthorization},
    KnownField{"x-weir-reason", FieldId::kXWeirReason},
    KnownField{"content-length", FieldId::kContentLength},
    KnownField{"http2-settings", FieldId::kHttp2Settings},
    KnownField{"x-weir-version", FieldId::kXWeirVersion},
    KnownField{"x-forwarded-for", FieldId::kXForwardedFor},
    KnownField{"content-encoding", FieldId::kContentEncoding},
    KnownField{"proxy-connection", FieldId::kProxyConnection},
    KnownField{"x-forwarded-host", FieldId::kXForwardedHost},
    KnownField{"transfer-encoding", FieldId::kTransferEncoding},
    KnownField{"x-forwarded-proto", FieldId::kXForwardedProto},
};
static_assert(kKnownFields.size() == kFieldIdCount - 1);

constexpr std::size_t kLongestKnown = kKnownFields.back().name.size();

// first_of_length[n]: index of the first known field of at least n characters.
constexpr auto kFirstOfLength = [] {
  std::array<std::uint8_t, kLongestKnown + 2> first{};
  std::size_t index = 0;
  for (std::size_t length = 0; length < first.size(); ++length) {
    while (index < kKnownFields.size() && kKnownFields[index].name.size() < length) ++index;
    first[length] = static_cast<std::uint8_t>(index);
  }
  return first;
}();

constexpr bool sorted_by_length() {
  for (std::size_t i = 1; i < kKnownFields.size(); ++i) {
    if (kKnownFields[i].name.size() < kKnownFields[i - 1].name.size()) return false;
  }
  return true;
}
static_assert(sorted_by_length());

// `b` is as long at least.
bool equal_bytewise(std::string_view a, std::string_view b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && lower_case(a[i]) != lower_case(b[i])) return false;
  }
  return true;
}

}  // namespace

FieldId field_id(std::string_view name) {
  if (name.empty() || name.size() > kLongestKnown) return FieldId::kOther;
  const char initial = lower_case(name.front());
  for (std::size_t i = kFirstOfLength[name.size()]; i < kFirstOfLength[name.size() + 1]; ++i) {
    const KnownField& known = kKnownFields[i];
    if (known.name.front() == initial && equal_ignoring_case(known.name, name)) return known.id;
  }
  return FieldId::kOther;
}

// Eight bytes at a time: case is one bit, which also tells some pairs apart that are no letters.
bool equal_ignoring_case(std::string_view a, std::string_view b) {
  constexpr std::uint64_t kCaseBits = 0x2020'2020'2020'2020;
  if (a.size() != b.size()) return false;
  while (a.size() >= sizeof(std::uint64_t)) {
    std::uint64_t left = 0;
    std::uint64_t right = 0;
    std::memcpy(&left, a.data(), sizeof left);
    std::memcpy(&right, b.data(), sizeof right);
    if (((left ^ right) & ~kCaseBits) != 0) return false;
    if (left != right && !equal_bytewise(a.substr(0, sizeof left), b)) return false;
    a.remove_prefix(sizeof left);
    b.remove_prefix(sizeof right);
  }
  return equal_bytewise(a, b);
}

}  // namespace weir::http
