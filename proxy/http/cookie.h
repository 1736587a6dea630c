// Pure functions. Cookies as a request carries them (RFC 6265 5.4): pairs of name=value, separated by ";" and spaces,
// in one field or in several. Names are case-sensitive; a value is taken as it stands, quotes included.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "proxy/http/field_list.h"
#include "proxy/http/white_space.h"

namespace weir::http {

// The next pair, taken off the front of `pairs`.
inline std::string_view take_cookie_pair(std::string_view& pairs) {
  const std::size_t end = std::min(pairs.find(';'), pairs.size());
  const std::string_view pair = pairs.substr(0, end);
  pairs.remove_prefix(std::min(end + 1, pairs.size()));
  return trimmed(pair);
}

// The value of the first cookie of this name that `accept` takes; nothing when there is none.
template <class Accept>
std::optional<std::string_view> find_cookie(const FieldList& fields, std::string_view name, Accept accept) {
  if (!fields.has(FieldId::kCookie)) return std::nullopt;
  for (const Field& field : fields) {
    if (field.id != FieldId::kCookie) continue;
    for (std::string_view pairs = field.value; !pairs.empty();) {
      const std::string_view pair = take_cookie_pair(pairs);
      if (pair.size() <= name.size() || pair[name.size()] != '=' || !pair.starts_with(name)) continue;
      const std::string_view value = pair.substr(name.size() + 1);
      if (accept(value)) return value;
    }
  }
  return std::nullopt;
}

inline std::optional<std::string_view> find_cookie(const FieldList& fields, std::string_view name) {
  return find_cookie(fields, name, [](std::string_view) { return true; });
}

}  // namespace weir::http
