// What may stand on the file, a listener or a route.
#include "config/write/writing.h"

namespace weir::config {
namespace {

json::Value count_of(std::uint32_t count) { return count == kNoCount ? json::Value("none") : json::Value(count); }

json::Array statuses_of(const StatusSet& statuses) {
  json::Array list;
  for (int status = StatusSet::kFirst; status <= StatusSet::kLast; ++status) {
    if (statuses.has(status)) list.emplace_back(status);
  }
  return list;
}

// All of it, as if it had been given.
SendAgainOverrides given(const SendAgain& when) {
  return {.on_connect_failure = when.on_connect_failure,
          .on_reset = when.on_reset,
          .on_timeout = when.on_timeout,
          .non_idempotent = when.non_idempotent,
          .on_status = when.on_status,
          .budget = when.budget,
          .min_concurrent = when.min_concurrent};
}

void write_when(json::Object& into, const SendAgainOverrides& when) {
  if (when.on_connect_failure) into.set("onConnectFailure", *when.on_connect_failure);
  if (when.on_reset) into.set("onReset", *when.on_reset);
  if (when.on_timeout) into.set("onTimeout", *when.on_timeout);
  if (when.on_status) set_list(into, "onStatus", statuses_of(*when.on_status));
  if (when.non_idempotent) into.set("nonIdempotent", *when.non_idempotent);
  if (when.budget) into.set("budget", format_share(*when.budget));
  if (when.min_concurrent) into.set("minConcurrent", *when.min_concurrent);
}

}  // namespace

json::Object write_timeouts(const Timeouts& timeouts) {
  json::Object section;
  for (const TimeoutKey& key : kTimeoutKeys) section.set(key.name, format_duration(timeouts.*key.value));
  return section;
}

json::Object write_timeouts(const TimeoutOverrides& timeouts) {
  json::Object section;
  for (const TimeoutKey& key : kTimeoutKeys) {
    if (timeouts.*key.given) section.set(key.name, format_duration(*(timeouts.*key.given)));
  }
  return section;
}

json::Object write_limits(const Limits& limits) {
  json::Object section;
  for (const SizeKey& key : kSizeKeys) section.set(key.name, format_size(limits.*key.value));
  for (const CountKey& key : kCountKeys) section.set(key.name, count_of(limits.*key.value));
  return section;
}

json::Object write_limits(const LimitOverrides& limits) {
  json::Object section;
  for (const SizeKey& key : kSizeKeys) {
    if (limits.*key.given) section.set(key.name, format_size(*(limits.*key.given)));
  }
  for (const CountKey& key : kCountKeys) {
    if (limits.*key.given) section.set(key.name, count_of(*(limits.*key.given)));
  }
  return section;
}

json::Object write_retries(const Retries& retries) {
  return write_retries(RetryOverrides{.attempts = retries.attempts, .body = retries.body, .when = given(retries.when)});
}

json::Object write_retries(const RetryOverrides& retries) {
  json::Object section;
  if (retries.attempts) section.set("attempts", *retries.attempts);
  write_when(section, retries.when);
  if (retries.body) section.set("body", format_size(*retries.body));
  return section;
}

json::Object write_rescue(const Rescue& rescue) {
  json::Object section;
  write_when(section, given(rescue.when));
  return section;
}

}  // namespace weir::config
