#include "proxy/split/unit_key.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <tuple>

#include "proxy/http/cookie.h"
#include "proxy/http/query.h"

namespace weir::proxy {
namespace {

bool is_cookie_id(std::string_view value) {
  return value.size() == std::tuple_size_v<DrawnId> && std::all_of(value.begin(), value.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_not_empty(std::string_view value) { return !value.empty(); }

// Eight digits at once: each half byte gets a byte of its own, and those above 9 are moved on to the letters.
void write_hex(std::uint32_t bits, char* out) {
  std::uint64_t digits = bits;
  digits = (digits | digits << 16) & 0x0000ffff'0000ffff;
  digits = (digits | digits << 8) & 0x00ff00ff'00ff00ff;
  digits = (digits | digits << 4) & 0x0f0f0f0f'0f0f0f0f;
  const std::uint64_t letters = (digits + 0x06060606'06060606) >> 4 & 0x01010101'01010101;
  digits += 0x30303030'30303030 + letters * ('a' - '9' - 1);
  if constexpr (std::endian::native == std::endian::little) digits = __builtin_bswap64(digits);
  std::memcpy(out, &digits, sizeof digits);
}

void write_hex(std::uint64_t bits, char* out) {
  write_hex(static_cast<std::uint32_t>(bits >> 32), out);
  write_hex(static_cast<std::uint32_t>(bits), out + 8);
}

// IPv4 addresses in their own form, as X-Forwarded-For has them.
std::string_view address_text(const ClientAddress& address, std::span<char> space) {
  if (space.size() < kAddressText) return {};
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool v4 = std::equal(kMapped.begin(), kMapped.end(), address.begin());
  const char* const text = ::inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &address[12] : address.data(), space.data(),
                                       static_cast<socklen_t>(space.size()));
  return text == nullptr ? std::string_view() : std::string_view(text);
}

template <class Fits>
std::string_view find_in(const config::KeySource& source, const UnitFacts& request, Fits fits) {
  if (!source.cookie.empty()) {
    return http::find_cookie(request.fields, source.cookie, fits).value_or(std::string_view());
  }
  if (!source.query.empty()) {
    return http::find_query_parameter(request.query, source.query, request.space).value_or(std::string_view());
  }
  if (source.api_key) return request.api_key;
  if (source.client_address) return address_text(request.client, request.space);
  if (source.body) return request.body == nullptr ? std::string_view() : config::text_of(*request.body, *source.body);
  const http::Field* field = request.fields.find(source.header);
  return field == nullptr ? std::string_view() : field->value;
}

template <class Fits>
std::string_view find_key(const std::vector<config::KeySource>& sources, const UnitFacts& request, Fits fits) {
  for (const config::KeySource& source : sources) {
    const std::string_view key = find_in(source, request, fits);
    if (!key.empty()) return key;
  }
  return {};
}

// Tells `wants` of each that may be what is looked for, in order.
template <class Fits, class Wants>
void find_needs(const std::vector<config::KeySource>& sources, const UnitFacts& request, Fits fits, Wants wants) {
  for (const config::KeySource& source : sources) {
    if (source.body) {
      wants(*source.body);
    } else if (!find_in(source, request, fits).empty()) {
      return;
    }
  }
}

}  // namespace

void add_key_needs(const std::vector<config::KeySource>& sources, const UnitFacts& request, config::BodyNeeds& needs) {
  find_needs(sources, request, is_cookie_id, [&](config::BodyText text) { needs.or_else(text); });
}

void add_affinity_needs(const std::vector<config::KeySource>& sources, const UnitFacts& request,
                        config::BodyNeeds& needs) {
  find_needs(sources, request, is_not_empty, [&](config::BodyText text) { needs.all.add(text); });
}

std::string_view find_cookie_id(const http::FieldList& fields, std::string_view name) {
  return http::find_cookie(fields, name, is_cookie_id).value_or(std::string_view());
}

std::string_view find_unit_key(const std::vector<config::KeySource>& sources, const UnitFacts& request) {
  return find_key(sources, request, is_cookie_id);
}

std::string_view find_affinity_key(const std::vector<config::KeySource>& sources, const UnitFacts& request) {
  return find_key(sources, request, is_not_empty);
}

DrawnId draw_id(Random& random) {
  DrawnId id;
  write_hex(random.next(), id.data());
  write_hex(random.next(), id.data() + 16);
  return id;
}

}  // namespace weir::proxy
