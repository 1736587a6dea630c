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
  for (const TimeoutKey& key : kTimeoutKeys) take(onto.*key.value, overrides.*key.given);
}

void apply(Limits& onto, const LimitOverrides& overrides) {
  for (const SizeKey& key : kSizeKeys) take(onto.*key.value, overrides.*key.given);
  for (const CountKey& key : kCountKeys) take(onto.*key.value, overrides.*key.given);
}

}  // namespace weir::config
