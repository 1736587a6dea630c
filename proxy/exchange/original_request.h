// Pure functions. How a client reached us when proxies stand before us: what links and cookies for it have to be made
// of.
#pragma once

#include <string_view>

#include "config/network.h"
#include "proxy/http/head.h"
#include "proxy/net/address.h"
#include "proxy/route/action.h"

namespace weir::proxy {

// By whom a request came to us, and whose word on that counts.
struct Sender {
  std::string_view scheme;  // of the connection
  const SocketAddress& peer;
  const config::TrustedHops& hops;
};

// What the connection and the head say; or, of a trusted hop, what that one says in X-Forwarded-Proto and -Host or else
// in Forwarded (RFC 7239): of lists the element of the hop that the client came to, as far as X-Forwarded-For leads.
// What is no scheme of HTTP's and no authority is not said. Views of the head.
Reached original_request(const http::RequestHead& request, const Sender& sender);

}  // namespace weir::proxy
