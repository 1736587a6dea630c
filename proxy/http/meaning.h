// Pure functions. What the fields of a head mean for the message (RFC 9110 7, RFC 9112 3 and 6, HTTP.md section 0): its
// framing, its authority, who may see which field. A head that has more than one meaning has none.
#pragma once

#include <string_view>

#include "proxy/http/fault.h"
#include "proxy/http/head.h"

namespace weir::http {

// `head` has its start line and all fields as received; the rest is filled in, and what is not to be forwarded is
// dropped.
Fault understand(RequestHead& head);
// uri-host [ ":" port ] (RFC 9110 7.2), no user information: false if it is none. `host` is then without its port.
bool split_authority(std::string_view authority, std::string_view& host);
// Of a target that may be none: everything before its first question mark is its path, but for user information.
void describe_target(RequestHead& head);
Fault understand(ResponseHead& head, bool head_request);

}  // namespace weir::http
