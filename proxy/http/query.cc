#include "proxy/http/query.h"

#include <algorithm>
#include <cassert>

#include "base/percent.h"

namespace weir::http {
namespace {

// Takes one octet off the front of `text`, which is not empty.
char take_octet(std::string_view& text) {
  const std::optional<char> escaped = escaped_octet(text);
  const char octet = escaped.value_or(text.front());
  text.remove_prefix(escaped ? kEscapeSize : 1);
  return octet;
}

bool equal_decoded(std::string_view encoded, std::string_view text) {
  for (const char c : text) {
    if (encoded.empty() || take_octet(encoded) != c) return false;
  }
  return encoded.empty();
}

}  // namespace

std::optional<std::string_view> find_query_parameter(std::string_view query, std::string_view name,
                                                     std::span<char> space) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.empty() || !equal_decoded(pair.substr(0, equals), name)) continue;
    std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    if (value.find('%') == std::string_view::npos) return value;
    assert(value.size() <= space.size());
    std::size_t size = 0;
    while (!value.empty() && size < space.size()) space[size++] = take_octet(value);
    return std::string_view(space.data(), size);
  }
  return std::nullopt;
}

}  // namespace weir::http
