// Pure functions. The PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt):
// what a proxy before us writes at the front of a connection to say for whom it has opened it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "proxy/net/address.h"

namespace weir::proxy {

struct ProxyHeader {
  enum class State : std::uint8_t {
    kMore,       // all bytes so far are of a header, and do not make a whole one
    kWhole,      // `size` bytes are the header; what stands behind them is the connection's own
    kMalformed,  // no header, or one that may not be read as one
  };
  State state = State::kMore;
  std::size_t size = 0;
  // Who opened the connection to that proxy. None: it speaks for itself (LOCAL), or for somebody without an IP address.
  std::optional<SocketAddress> source;
};

// `bytes` are all that has come. The answer for a prefix of a header is kMore, whatever its length.
ProxyHeader parse_proxy_header(std::string_view bytes);

// Longer ones are malformed: version 1 has 107 bytes at most, version 2 its 16 and this many of addresses and TLVs.
inline constexpr std::size_t kMostProxyHeaderRest = 4'096;
inline constexpr std::size_t kLongestProxyHeader = 16 + kMostProxyHeaderRest;

}  // namespace weir::proxy
