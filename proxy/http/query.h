// Pure functions. Parameters of a target's query: name=value, separated by "&". Both are percent-decoded (RFC 3986 2.1)
// before they are compared; "+" is itself, and a malformed escape stands for the bytes that it is.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace weir::http {

// The value of the first parameter of this name, empty for one without "="; nothing when there is none. Into `space`,
// when it had to be decoded, which holds at least query.size(); else into `query`.
std::optional<std::string_view> find_query_parameter(std::string_view query, std::string_view name,
                                                     std::span<char> space);

}  // namespace weir::http
