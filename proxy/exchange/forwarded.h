// Pure functions. Who a request comes from, and what its origin is told of it: X-Forwarded-*, Forwarded, x-request-id,
// traceparent, Via.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "proxy/exchange/request_context.h"
#include "proxy/http/head.h"
#include "proxy/http/serialize.h"
#include "proxy/net/address.h"

namespace weir::proxy {

// A request, and the connection that it came by.
struct Arrival {
  const http::RequestHead& request;
  const SocketAddress& peer;
  std::string_view peer_text;                // its IP address; empty for a Unix socket
  std::string_view scheme;                   // "http" or "https"
  std::string_view client_certificate = {};  // what a verified one says
};

// Who sent the request, whether he is believed, what it is called, and which trace it belongs to. It is called by the
// client's x-request-id, when that is believed and fit to be sent on, else by one of ours.
void identify(const Arrival& arrival, const ListenerTopology& listener, Random& random, RequestContext& context);

// What the origin gets beside what the client sent. The edits hold views of all arguments; `space` is for texts that
// are nowhere else.
void edit_request(const Arrival& arrival, const RequestContext& context, std::string& space, http::Edits& edits);

}  // namespace weir::proxy
