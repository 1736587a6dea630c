// Thread-safe for one writing worker and any readers: totals and gauges, in relaxed atomics.
// A reader may see one figure newer than another; each by itself only rises (totals) or is exact (gauges).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::proxy {

enum class Count : std::uint8_t {
  // Totals
  kConnectionsAccepted,
  kConnectionsRefused,   // over the listener's limit: answered 503 and closed
  kConnectionsDenied,    // by a listener's address rules: closed
  kAcceptErrors,         // no descriptors, aborted handshakes
  kIdleClosed,           // keep-alive ran out
  kTlsHandshakesFailed,  // of clients; those that went away before the end of theirs included
  kProxyHeadersRefused,  // connections without the PROXY header that their listener wants
  kRequestsRefused,      // answered here before a version was assigned: malformed, too large, no route
  kAddressesDenied,      // of these: by a route's address rules
  kKeysDenied,           // of these: without an API key that the route knows
  kRateLimited,          // of these: over a route's rate
  kRateKeysForgotten,    // by rate limits before their time: more keys were busy than are kept
  kRequestsAnswered,     // by a route that leads to no service
  kRequestsCut,          // ended by a drain's deadline
  kOverloaded,           // requests and connections turned away because buffers had taken their memory
  kUpstreamOpened,
  kUpstreamConnectFailed,
  kUpstreamTlsFailed,    // of those and of later failures, the ones for TLS or its certificates
  kUpstreamNoResources,  // not opened for want of descriptors, memory or ports of our own: none of those
  kUpstreamReused,
  kUpstreamEjected,  // endpoints taken out of rotation
  kRetries,
  kRetriesAnswered,    // of these, the requests that got a response after all
  kRetriesOverBudget,  // wanted, but too many were under way
  kRescuesOverBudget,
  kStaleReused,  // sent again because a reused connection had ended: no outcome of the version
  kUnkeyed,
  kLookaheadExceeded,  // requests with no word in so much of their body of what they are routed by
  kOverridden,         // sent to a version that the plan let the request choose
  kReturned,           // sent to the version that made what they name
  kCreationsForgotten, // ids that had to make room before their time
  kKept,               // of a conversation that an earlier step's split had assigned
  kSessionsForgotten,  // that had to make room before their time
  kShadowCopies,       // requests copied to a candidate, and sent
  kShadowTooLong,      // not copied: longer than the plan's mirror.body
  kShadowOverloaded,   // not copied, or given up, for want of room of any kind
  kShadowAbandoned,    // given up: the baseline's answer has not come to its end, or the weir drains
  kShadowUnjudged,     // pairs of answers that found no room on their way to a judge
  kUninspected,        // answers that a route wants inspected, and that are of a kind that is not known
  // Gauges
  kConnections,
  kRequests,
  kUpstreamConnections,
  kUpstreamIdle,
  kShadowActive,  // copies under way
  kPending,      // requests that wait for an upstream connection
  kBufferBytes,  // of read buffers in use, as of the last tick
};
inline constexpr int kCountCount = static_cast<int>(Count::kBufferBytes) + 1;

// Of one endpoint, in Envoy's words.
enum class EndpointCount : std::uint8_t {
  // Totals
  kRequests,
  kConnectFailed,
  kTimeouts,       // no head in time
  kResets,         // also an unintelligible response
  kGatewayErrors,  // 502, 503, 504
  // Gauges
  kActive,
  kConnections,  // open or opening
};
inline constexpr int kEndpointCountCount = static_cast<int>(EndpointCount::kConnections) + 1;

template <class Name, int kSize>
class CounterSet {
 public:
  void add(Name count, std::int64_t by = 1) {
    std::atomic<std::int64_t>& value = values_[static_cast<std::size_t>(count)];
    value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  std::int64_t get(Name count) const {
    return values_[static_cast<std::size_t>(count)].load(std::memory_order_relaxed);
  }

 private:
  alignas(64) std::array<std::atomic<std::int64_t>, kSize> values_{};
};

using Counters = CounterSet<Count, kCountCount>;
using EndpointCounters = CounterSet<EndpointCount, kEndpointCountCount>;

}  // namespace weir::proxy
