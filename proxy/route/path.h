// Pure functions. The copy of a path that routes are matched on: percent-encoded unreserved characters decoded, the hex
// of other escapes in upper case, slashes read as the listener's policy says, dot segments removed (RFC 3986 6.2.2).
// What is forwarded is the path as received.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "config/paths.h"
#include "proxy/http/reply.h"

namespace weir::proxy {

enum class PathFault : std::uint8_t {
  kNone,
  kMalformed,     // an escape that is none, or more than fits
  kDoubleSlash,   // refused by the policy
  kEncodedSlash,  // refused by the policy
};

struct NormalPath {
  PathFault fault = PathFault::kMalformed;
  std::string_view path;  // into `space`, or `path` itself when nothing had to change
};

// `path` is a request target's path without its query; `space` must outlive the result.
NormalPath normalise_path(std::string_view path, const config::PathPolicy& policy, std::span<char> space);

// What a client is told whose path has this fault: 400.
http::LocalReply path_refusal(PathFault fault);

}  // namespace weir::proxy
