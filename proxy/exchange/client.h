// Pure functions. Who a request comes from, when proxies stand before us.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "config/network.h"
#include "proxy/http/field_list.h"
#include "proxy/net/address.h"
#include "proxy/split/split.h"

namespace weir::proxy {

// Whether whoever opened the connection is one of the hops.
bool is_trusted(const config::TrustedHops& hops, const SocketAddress& peer);

// The peer; or, when it is a trusted hop, the last address in X-Forwarded-For that is none: each hop is believed in who
// came to it. Where all are hops it is the first of them. What is no address ends the way, for what stands before it
// was said by somebody who is not known. Zeros for a peer on a Unix socket of whom nothing better is known.
ClientAddress client_address(const http::FieldList& fields, const SocketAddress& peer, const config::TrustedHops& hops);

// Of the hops before the peer, how many were believed in on that way: elements of X-Forwarded-For, from its end.
std::size_t hops_passed(const http::FieldList& fields, const SocketAddress& peer, const config::TrustedHops& hops);

// One element of X-Forwarded-For: an address in digits, perhaps with a port; an IPv6 one then stands in brackets.
std::optional<ClientAddress> parse_hop(std::string_view element);

}  // namespace weir::proxy
