#include "config/retry.h"

#include "config/overrides.h"

namespace weir::config {

void apply(Retries& onto, const RetryOverrides& overrides) {
  take(onto.attempts, overrides.attempts);
  take(onto.body, overrides.body);
  apply(onto.when, overrides.when);
}

void apply(SendAgain& onto, const SendAgainOverrides& overrides) {
  take(onto.on_connect_failure, overrides.on_connect_failure);
  take(onto.on_reset, overrides.on_reset);
  take(onto.on_timeout, overrides.on_timeout);
  take(onto.on_status, overrides.on_status);
  take(onto.non_idempotent, overrides.non_idempotent);
  take(onto.budget, overrides.budget);
  take(onto.min_concurrent, overrides.min_concurrent);
}

}  // namespace weir::config
