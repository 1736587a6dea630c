// Immutable, and pure functions. Replies of the weir's own: small JSON with a stable word (PRODUCT.md section 4).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/http/fault.h"
#include "proxy/http/head.h"
#include "proxy/http/head_buffer.h"
#include "proxy/http/serialize.h"

namespace weir::http {

struct LocalReply {
  int status = 500;
  std::string_view code;    // stable snake_case word: `error.code` and x-weir-reason
  std::string_view reason;  // a sentence for people: `error.message`
  bool close = false;       // the connection ends with it
  std::optional<std::uint32_t> retry_after_s;
  std::string_view challenge = {};  // WWW-Authenticate
  // Sent in the place of the JSON, for an answer that is no failure.
  std::optional<std::string_view> content = {};
  std::string_view content_type = {};
  bool overload = false;  // counted as one
};

// For a request that is refused while it is read. Always closes.
LocalReply refusal(Fault fault);
// For a failure on the way to or from an origin: 502, 503 or 504.
LocalReply failure(const Error& error);
// There is no memory for it. Closes, so that what the connection holds is free.
LocalReply overloaded();

// Appends head and body; to a HEAD request the head alone. `edits` may add fields (x-request-id). Not kept alive if
// reply.close, and it says so.
void write_local_reply(const LocalReply& reply, const Edits& edits, const Receiver& receiver, HeadBuffer& out);

// The answer to OPTIONS with Max-Forwards: 0 (RFC 9110 7.6.2): 200, Allow, no body.
void write_options_reply(const Edits& edits, const Receiver& receiver, HeadBuffer& out);

}  // namespace weir::http
