#include "proxy/http/field.h"

#include <algorithm>
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
    KnownField{"x-weir-shadow", FieldId::kXWeirShadow},
    KnownField{"content-length", FieldId::kContentLength},
    KnownField{"http2-settings", FieldId::kHttp2Settings},
    KnownField{"x-weir-version", FieldId::kXWeirVersion},
    KnownField{"x-forwarded-for", FieldId::kXForwardedFor},
    KnownField{"content-encoding", FieldId::kContentEncoding},
    KnownField{"proxy-connection", FieldId::kProxyConnection},
    KnownField{"x-forwarded-host", FieldId::kXForwardedHost},
    KnownField{"transfer-encoding", FieldId::kTransferEncoding},
    KnownField{"x-forwarded-proto", FieldId::kXForwardedProto},
    KnownField{"x-forwarded-client-cert", FieldId::kXForwardedClientCert},
};
static_assert(kKnownFields.size() == kFieldIdCount - 3);  // without kOther, kXForwardedOther and kLookalike

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

// All bytes of a word at once: they may differ in the case bit alone, and there only if they are letters.
template <typename Word>
bool equal_words(const char* a, const char* b) {
  constexpr Word kOnes = static_cast<Word>(~Word{0}) / 0xff;  // 0x01 in each byte
  constexpr Word kHigh = kOnes * 0x80;
  Word left = 0;
  Word right = 0;
  std::memcpy(&left, a, sizeof left);
  std::memcpy(&right, b, sizeof right);
  const Word lower = left | kOnes * 0x20;
  const Word low_bits = lower & ~kHigh;  // no sum below carries into the next byte
  const Word from_a = low_bits + kOnes * (0x80 - 'a');
  const Word above_z = low_bits + kOnes * (0x7f - 'z');
  const Word letters = from_a & ~above_z & ~lower & kHigh;
  return ((left ^ right) & ~(letters >> 2)) == 0;
}

// Of a name that is none of the known ones.
FieldId family_of(std::string_view name) {
  constexpr std::string_view kFamily = "x-forwarded";
  const bool forwarded = name.size() >= kFamily.size() && lower_case(name.front()) == kFamily.front() &&
                         same_variable(name.substr(0, kFamily.size()), kFamily);
  return forwarded ? FieldId::kXForwardedOther : FieldId::kOther;
}

}  // namespace

FieldId field_id(std::string_view name) {
  if (name.empty() || name.size() > kLongestKnown) return family_of(name);
  const char initial = lower_case(name.front());
  for (std::size_t i = kFirstOfLength[name.size()]; i < kFirstOfLength[name.size() + 1]; ++i) {
    const KnownField& known = kKnownFields[i];
    if (known.name.front() != initial) continue;
    if (equal_ignoring_case(known.name, name)) return known.id;
    if (same_variable(known.name, name)) return FieldId::kLookalike;
  }
  return family_of(name);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  // The last word may overlap the one before it.
  if (size >= 8) {
    for (std::size_t at = 0; at < size - 8; at += 8) {
      if (!equal_words<std::uint64_t>(a.data() + at, b.data() + at)) return false;
    }
    return equal_words<std::uint64_t>(a.data() + size - 8, b.data() + size - 8);
  }
  if (size >= 4) {
    return equal_words<std::uint32_t>(a.data(), b.data()) &&
           equal_words<std::uint32_t>(a.data() + size - 4, b.data() + size - 4);
  }
  return std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower_case(x) == lower_case(y); });
}

bool same_variable(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return variable_char(x) == variable_char(y); });
}

}  // namespace weir::http
