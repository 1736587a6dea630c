// Pure functions. Who a request comes from, and what its origin is told of it: X-Forwarded-*, Forwarded, x-request-id,
// traceparent, Via.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "proxy/exchange/request_context.h"
#include "proxy/http/field_list.h"
#include "proxy/http/head.h"
#include "proxy/http/serialize.h"
#include "proxy/net/address.h"
#include "proxy/route/action.h"

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

// The fields that are the weir's word to the origin, or of which it is the judge whether they reach it.
bool is_own_field(http::FieldId id);

// Whom that word is of.
struct Word {
  const Reached& reached;  // how the client reached us: original_request()
  bool believed = false;   // what the sender says of the way before him is a named hop's
};

// Makes of a copy of the request's fields what the plan's rules go by: own fields say what is so, whatever the client
// said in them. A sidecar that passes all on does not believe it either: nothing here is decided by what anybody could
// have said. The fields hold views of all arguments.
void show_own_word(const Arrival& arrival, const RequestContext& context, const Word& word, http::FieldList& fields);

// What the origin gets beside what the client sent. The edits hold views of all arguments; `space` is for texts that
// are nowhere else.
void edit_request(const Arrival& arrival, const RequestContext& context, std::string& space, http::Edits& edits);

}  // namespace weir::proxy
