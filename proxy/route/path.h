// Pure functions. The copy of a path that routes are matched on: percent-encoded unreserved characters decoded, the hex
// of other escapes in upper case, dot segments removed (RFC 3986 6.2.2). What is forwarded is the path as received.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace weir::proxy {

struct NormalPath {
  bool valid = false;     // false: a malformed escape, or more than fits: 400
  std::string_view path;  // into `space`, or `path` itself when nothing had to change
};

// `path` is a request target's path without its query; `space` must outlive the result.
NormalPath normalise_path(std::string_view path, std::span<char> space);

}  // namespace weir::proxy
