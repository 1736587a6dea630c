#include "config/limits.h"

#include "config/overrides.h"

namespace weir::config {

Timeouts preset_timeouts(Preset preset) {
  Timeouts timeouts;
  if (preset == Preset::kSidecar) {
    timeouts.header = std::chrono::seconds(30);
    timeouts.body_idle = std::chrono::seconds(60);
    timeouts.keep_alive = std::chrono::seconds(300);
    timeouts.connect = std::chrono::seconds(1);
    timeouts.response_header = kNever;
    timeouts.response_idle = kNever;
  }
  return timeouts;
}

Limits preset_limits(Preset preset) {
  Limits limits;
  if (preset == Preset::kSidecar) {
    limits.body = kUnlimited;
    limits.buffer = 64 * 1024;
    limits.connections = 4'096;
  }
  return limits;
}

void apply(Timeouts& onto, const TimeoutOverrides& overrides) {
  take(onto.header, overrides.header);
  take(onto.body_idle, overrides.body_idle);
  take(onto.keep_alive, overrides.keep_alive);
  take(onto.connect, overrides.connect);
  take(onto.upstream_idle, overrides.upstream_idle);
  take(onto.response_header, overrides.response_header);
  take(onto.response_idle, overrides.response_idle);
  take(onto.total, overrides.total);
  take(onto.drain, overrides.drain);
  take(onto.stream_drain, overrides.stream_drain);
  take(onto.drain_delay, overrides.drain_delay);
}

void apply(Limits& onto, const LimitOverrides& overrides) {
  take(onto.request_line, overrides.request_line);
  take(onto.field, overrides.field);
  take(onto.fields, overrides.fields);
  take(onto.response_fields, overrides.response_fields);
  take(onto.body, overrides.body);
  take(onto.buffer, overrides.buffer);
  take(onto.field_count, overrides.field_count);
  take(onto.response_field_count, overrides.response_field_count);
  take(onto.connections, overrides.connections);
  take(onto.upstream_connections, overrides.upstream_connections);
  take(onto.pending, overrides.pending);
  take(onto.memory, overrides.memory);
  take(onto.endpoint_connections, overrides.endpoint_connections);
  take(onto.endpoint_pending, overrides.endpoint_pending);
}

}  // namespace weir::config
