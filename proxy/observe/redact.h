// Pure functions. What a log must not hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::proxy {

// Stands in the place of a secret.
inline constexpr std::string_view kRedacted = "[redacted]";

// Whether a header or a query parameter of this name, in any case, holds a secret as far as its name tells:
// `Authorization`, `Cookie`, `x-api-key`, `access_token`. `more` names further ones, in lower case.
bool names_secret(std::string_view name, const std::vector<std::string>& more);

// Appends a query, without its question mark, with the values of its secret parameters taken out. Names may be
// percent-encoded. Of a value that is a URL itself, as it is or encoded, the name and password before its host go, and
// all of a query that has parameters.
void append_redacted_query(std::string_view query, const std::vector<std::string>& more, std::string& out);
// A path with the values of its segments' secret parameters taken out: /a;token=x/b. A URL within it is shown as one in a
// query.
void append_redacted_path(std::string_view path, const std::vector<std::string>& more, std::string& out);
// A URL with its path and query so, and without the name and password before its host. A text that is none stays as it is.
void append_redacted_url(std::string_view url, const std::vector<std::string>& more, std::string& out);

}  // namespace weir::proxy
