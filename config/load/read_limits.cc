#include "config/load/read.h"

#include "config/load/values.h"

namespace weir::config {
namespace {

std::optional<std::uint32_t> count_of(const Node& node, std::string_view key) {
  std::uint32_t value = 0;
  read_count(node, key, value);
  return value == 0 ? std::nullopt : std::optional(value);
}

}  // namespace

TimeoutOverrides read_timeouts(const Node& node) {
  TimeoutOverrides timeouts;
  const Node* const map = node.find("timeouts");
  if (map == nullptr) return timeouts;
  timeouts.header = duration_of(*map, "header");
  timeouts.body_idle = duration_of(*map, "bodyIdle");
  timeouts.keep_alive = duration_of(*map, "keepAlive");
  timeouts.connect = duration_of(*map, "connect");
  timeouts.upstream_idle = duration_of(*map, "upstreamIdle");
  timeouts.response_header = duration_of(*map, "responseHeader");
  timeouts.response_idle = duration_of(*map, "responseIdle");
  timeouts.total = duration_of(*map, "total");
  timeouts.drain = duration_of(*map, "drain");
  timeouts.stream_drain = duration_of(*map, "streamDrain");
  timeouts.drain_delay = duration_of(*map, "drainDelay");
  return timeouts;
}

LimitOverrides read_limits(const Node& node) {
  LimitOverrides limits;
  const Node* const map = node.find("limits");
  if (map == nullptr) return limits;
  limits.request_line = size_of(*map, "requestLine");
  limits.field = size_of(*map, "field");
  limits.fields = size_of(*map, "fields");
  limits.field_count = count_of(*map, "fieldCount");
  limits.response_fields = size_of(*map, "responseFields");
  limits.response_field_count = count_of(*map, "responseFieldCount");
  limits.body = size_of(*map, "body");
  limits.buffer = size_of(*map, "buffer");
  limits.connections = count_of(*map, "connections");
  limits.upstream_connections = count_of(*map, "upstreamConnections");
  limits.pending = count_of(*map, "pending");
  limits.memory = size_of(*map, "memory");
  limits.endpoint_connections = count_of(*map, "endpointConnections");
  limits.endpoint_pending = count_of(*map, "endpointPending");
  return limits;
}

}  // namespace weir::config
