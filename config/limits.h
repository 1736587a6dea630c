// Immutable. Timeouts and limits: HTTP.md section 0. Set on the file, a listener or a route; the inner one wins.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::config {

enum class Preset : std::uint8_t { kEdge, kSidecar };

// What a client's FIN after a complete request means: that it has gone away, or that it only sends no more
// (docs/decisions/0004).
enum class OnClientHalfClose : std::uint8_t { kCancel, kFinish };

using Duration = std::chrono::milliseconds;
inline constexpr Duration kNever = Duration::max();

struct Timeouts {
  Duration header{10'000};        // first byte to end of head
  Duration body_idle{30'000};     // between reads of a request body
  Duration keep_alive{60'000};    // between requests
  Duration connect{2'000};        // to open an upstream connection
  Duration upstream_idle{4'000};  // an unused upstream connection is closed by us
  Duration response_header{300'000};
  Duration response_idle{300'000};  // between reads of a response body
  Duration total = kNever;          // the whole request
  Duration drain{30'000};           // requests finish within it at shutdown
  Duration stream_drain{300'000};   // streams do
  Duration drain_delay{0};          // goes on serving, not ready, before listeners close
  bool operator==(const Timeouts&) const = default;
};

inline constexpr std::uint64_t kUnlimited = UINT64_MAX;
inline constexpr std::uint32_t kNoCount = UINT32_MAX;  // without a limit

struct Limits {
  std::uint64_t request_line = 8 * 1024;  // bytes
  std::uint64_t field = 16 * 1024;        // one field line
  std::uint64_t fields = 60 * 1024;       // all of a head
  std::uint32_t field_count = 100;
  std::uint64_t response_fields = 80 * 1024;
  std::uint32_t response_field_count = 200;
  std::uint64_t body = 64 * 1024 * 1024;      // request body; kUnlimited allowed
  std::uint64_t lookahead = 1024 * 1024;      // of a request body, held to find out where it goes
  std::uint64_t buffer = 32 * 1024;           // per connection and direction
  std::uint32_t connections = 20'000;         // per listener
  std::uint32_t upstream_connections = 1024;  // per version
  std::uint32_t pending = 1024;               // per version: requests that wait for a connection
  std::uint64_t memory = kUnlimited;          // bytes of all connections' read buffers together
  std::uint32_t endpoint_connections = kNoCount;
  std::uint32_t endpoint_pending = kNoCount;  // times the endpoints that take requests
  bool operator==(const Limits&) const = default;
};

// What one place of the file says; unset fields are inherited.
struct TimeoutOverrides {
  std::optional<Duration> header, body_idle, keep_alive, connect, upstream_idle, response_header, response_idle, total,
      drain, stream_drain, drain_delay;
};
struct LimitOverrides {
  std::optional<std::uint64_t> request_line, field, fields, response_fields, body, lookahead, buffer, memory;
  std::optional<std::uint32_t> field_count, response_field_count, connections, upstream_connections, pending,
      endpoint_connections, endpoint_pending;
};

// What a key of `timeouts` and of `limits` is called, and where its value stands: whoever reads, applies or writes them
// goes through these lists.
template <class T, class Values, class Overrides>
struct OverridableKey {
  std::string_view name;
  T Values::*value;
  std::optional<T> Overrides::*given;
};
using TimeoutKey = OverridableKey<Duration, Timeouts, TimeoutOverrides>;
inline constexpr std::array<TimeoutKey, 11> kTimeoutKeys{{
    {"header", &Timeouts::header, &TimeoutOverrides::header},
    {"bodyIdle", &Timeouts::body_idle, &TimeoutOverrides::body_idle},
    {"keepAlive", &Timeouts::keep_alive, &TimeoutOverrides::keep_alive},
    {"connect", &Timeouts::connect, &TimeoutOverrides::connect},
    {"upstreamIdle", &Timeouts::upstream_idle, &TimeoutOverrides::upstream_idle},
    {"responseHeader", &Timeouts::response_header, &TimeoutOverrides::response_header},
    {"responseIdle", &Timeouts::response_idle, &TimeoutOverrides::response_idle},
    {"total", &Timeouts::total, &TimeoutOverrides::total},
    {"drain", &Timeouts::drain, &TimeoutOverrides::drain},
    {"streamDrain", &Timeouts::stream_drain, &TimeoutOverrides::stream_drain},
    {"drainDelay", &Timeouts::drain_delay, &TimeoutOverrides::drain_delay},
}};
using SizeKey = OverridableKey<std::uint64_t, Limits, LimitOverrides>;
inline constexpr std::array<SizeKey, 8> kSizeKeys{{
    {"requestLine", &Limits::request_line, &LimitOverrides::request_line},
    {"field", &Limits::field, &LimitOverrides::field},
    {"fields", &Limits::fields, &LimitOverrides::fields},
    {"responseFields", &Limits::response_fields, &LimitOverrides::response_fields},
    {"body", &Limits::body, &LimitOverrides::body},
    {"lookahead", &Limits::lookahead, &LimitOverrides::lookahead},
    {"buffer", &Limits::buffer, &LimitOverrides::buffer},
    {"memory", &Limits::memory, &LimitOverrides::memory},
}};
using CountKey = OverridableKey<std::uint32_t, Limits, LimitOverrides>;
inline constexpr std::array<CountKey, 7> kCountKeys{{
    {"fieldCount", &Limits::field_count, &LimitOverrides::field_count},
    {"responseFieldCount", &Limits::response_field_count, &LimitOverrides::response_field_count},
    {"connections", &Limits::connections, &LimitOverrides::connections},
    {"upstreamConnections", &Limits::upstream_connections, &LimitOverrides::upstream_connections},
    {"pending", &Limits::pending, &LimitOverrides::pending},
    {"endpointConnections", &Limits::endpoint_connections, &LimitOverrides::endpoint_connections},
    {"endpointPending", &Limits::endpoint_pending, &LimitOverrides::endpoint_pending},
}};

Timeouts preset_timeouts(Preset preset);
Limits preset_limits(Preset preset);
void apply(Timeouts& onto, const TimeoutOverrides& overrides);
void apply(Limits& onto, const LimitOverrides& overrides);

}  // namespace weir::config
