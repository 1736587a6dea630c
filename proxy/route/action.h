// Pure functions. Where a rewrite and a redirect lead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/route_action.h"
#include "proxy/http/field_changes.h"

namespace weir::proxy {

// `path`, which is in its normal form and begins with `prefix`, with `replacement` in the place of that. A slash at the
// end of either is not counted: "/api/" and "/api" to "/v2/" or "/v2" all make "/v2/x" of "/api/x".
std::string replace_prefix(std::string_view path, std::string_view prefix, std::string_view replacement);

// How a client reached us: by its own connection, or as a proxy before us says.
struct Reached {
  std::string_view scheme;     // "http" or "https"
  std::string_view host;       // without its port
  std::string_view authority;  // with it; empty when the client gave none
};

// Whether all that the redirect names is so already: it would lead back to where the request came to. `prefix` is the
// route's own, `path` the request's in its normal form.
bool leads_back(const config::Redirect& redirect, std::string_view prefix, const Reached& reached,
                std::string_view path);

// What a redirect needs to know of a request.
struct Redirected {
  Reached reached;
  std::string_view path;   // in its normal form
  std::string_view query;  // without its '?'
  bool has_query = false;
};

// It names no host, but what only an authority can say, and the request came to none (HTTP/1.0): where it leads to would
// be where the request is.
bool leads_nowhere(const config::Redirect& redirect, const Reached& reached);

// The value of Location (RFC 9110 10.2.2). A path alone unless the redirect names a scheme, a host or a port; no client
// can make it lead to another host, nor end its line: what RFC 3986 has no place for is percent-encoded, and a path
// never begins with two slashes. `prefix` is the route's own.
std::string redirect_location(const config::Redirect& redirect, std::string_view prefix, const Redirected& request);

// A plan's words, ready to be written.
http::FieldChanges field_changes(const config::HeaderEdits& edits);

}  // namespace weir::proxy
