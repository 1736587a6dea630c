// Pure functions. What the weir itself says to a client, where that is more than a word.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/error.h"
#include "proxy/downstream/downstream_stream.h"
#include "proxy/http/reply.h"
#include "proxy/route/action.h"
#include "proxy/route/route_table.h"
#include "proxy/split/split.h"

namespace weir::proxy {

// For a request that failed before its client had heard anything. `rescued`: the baseline was asked too.
http::LocalReply failure_reply(const Error& error, bool rescued);

// For a request whose body could not be read to find out where it goes.
http::LocalReply unread_reply(const Error& error);

// The rest of this body costs less to read and drop than another connection. Behind a longer one nothing can be taken
// for a request, and who waits to be told to go on may well not send it now.
bool cheap_to_drop(const http::RequestHead& request);

// What the client asked for, as far as a route's own answer depends on it.
struct Asked {
  Reached reached;
  const http::RequestHead& head;
  std::string_view path;  // in its normal form
};

// A route's own answer: `route.answers()`. A redirect's target is written into `location`, which is else left empty.
http::LocalReply route_reply(const Route& route, const Asked& asked, std::string& location);

// The Set-Cookie that gives a client its place in a split.
class SetCookie {
 public:
  // Valid as long as this is, until the next call.
  std::string_view write(std::string_view name, const DrawnId& id, bool secure);

 private:
  std::array<char, 192> text_{};
};

}  // namespace weir::proxy
