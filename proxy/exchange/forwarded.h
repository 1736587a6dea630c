// Pure functions. Who a request comes from, and what its origin is told of it: X-Forwarded-*, x-request-id, Via.
#pragma once

#include <string_view>

#include "base/random.h"
#include "proxy/exchange/request_context.h"
#include "proxy/http/head.h"
#include "proxy/http/serialize.h"

namespace weir::proxy {

// A request, and the connection that it came by.
struct Arrival {
  const http::RequestHead& request;
  std::string_view peer;    // the IP address of who sent it
  std::string_view scheme;  // "http" or "https"
};

// The client's, when it is believed and fit to be sent on, else one of ours.
void take_request_id(const http::RequestHead& request, Random& random, RequestContext& context);

// What the origin gets beside what the client sent. The edits hold views of both arguments.
void edit_request(const Arrival& arrival, const RequestContext& context, http::Edits& edits);

}  // namespace weir::proxy
