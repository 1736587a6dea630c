#include "proxy/split/unit_key.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>

#include "proxy/http/cookie.h"

namespace weir::proxy {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

bool is_cookie_id(std::string_view value) {
  return value.size() == std::tuple_size_v<DrawnId> && std::all_of(value.begin(), value.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

constexpr auto kHexOfByte = [] {
  std::array<std::array<char, 2>, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) table[byte] = {kHexDigits[byte >> 4], kHexDigits[byte & 15]};
  return table;
}();

void write_hex(std::uint64_t bits, char* out) {
  for (int shift = 56; shift >= 0; shift -= 8, out += 2) std::copy_n(kHexOfByte[bits >> shift & 255].data(), 2, out);
}

}  // namespace

std::string_view find_cookie_id(const http::FieldList& fields, std::string_view name) {
  return http::find_cookie(fields, name, is_cookie_id).value_or(std::string_view());
}

std::string_view find_unit_key(const std::vector<config::KeySource>& sources, const http::FieldList& fields) {
  for (const config::KeySource& source : sources) {
    if (!source.cookie.empty()) {
      const std::string_view id = find_cookie_id(fields, source.cookie);
      if (!id.empty()) return id;
    } else {
      const http::Field* field = fields.find(source.header);
      if (field != nullptr && !field->value.empty()) return field->value;
    }
  }
  return {};
}

DrawnId draw_id(Random& random) {
  DrawnId id;
  write_hex(random.next(), id.data());
  write_hex(random.next(), id.data() + 16);
  return id;
}

}  // namespace weir::proxy
