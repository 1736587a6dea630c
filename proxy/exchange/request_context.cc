#include "proxy/exchange/request_context.h"

#include <algorithm>
#include <limits>

namespace weir::proxy {
namespace {

std::uint32_t saturate(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

OutcomeClass classify_error(const Error& error) {
  if (error.side == Side::kDownstream) return OutcomeClass::kClientAbort;
  switch (error.kind) {
    case ErrorKind::kConnect:
    case ErrorKind::kUnavailable:
      return OutcomeClass::kConnect;
    case ErrorKind::kTimeout:
      return OutcomeClass::kTimeout;
    case ErrorKind::kTruncated:
    case ErrorKind::kEof:
      return OutcomeClass::kTruncated;
    case ErrorKind::kOverflow:
    case ErrorKind::kNoResources:
      return OutcomeClass::kCapacity;
    case ErrorKind::kReset:
    case ErrorKind::kProtocol:
    case ErrorKind::kTooLarge:
      return OutcomeClass::kReset;
    case ErrorKind::kStatus:  // named by its status
    case ErrorKind::kCancelled:
    case ErrorKind::kInternal:
      return OutcomeClass::kClientAbort;
  }
  return OutcomeClass::kReset;
}

OutcomeClass classify_attempt(const FailedAttempt& failed) {
  if (failed.error.kind == ErrorKind::kStatus) return classify_status(failed.status, failed.retry_after);
  return classify_error(failed.error);
}

}  // namespace

OutcomeClass classify_status(int status, bool retry_after) {
  if (status == 429 || status == 529 || (status == 503 && retry_after)) return OutcomeClass::kCapacity;
  if (status >= 500) return OutcomeClass::kHttp5xx;
  if (status >= 400) return OutcomeClass::kHttp4xx;
  return OutcomeClass::kOk;
}

// `connect` means that no endpoint could be reached: one of several that refuses is no failure of the version. Nor is
// what no origin has seen.
void RequestContext::note_failure(const FailedAttempt& failed) {
  if (!first_failure && !failed.unsent) first_failure = classify_attempt(failed);
}

void RequestContext::begin_rescue(const FailedAttempt& failed, SteadyTime now) {
  ours = !first_failure && failed.error.kind == ErrorKind::kNoResources;
  if (!first_failure) first_failure = classify_attempt(failed);
  rescued = true;
  latency_us = clock.elapsed_us(now);
  response_ended = true;
}

// The first failure wins: a status that came before the connection broke, and before that what the answer said.
OutcomeClass RequestContext::classify() const {
  if (first_failure) return *first_failure;
  const bool answered_upstream = status != 0 && (!error || time_to_headers_us != 0);
  const OutcomeClass by_status = answered_upstream ? classify_status(status, retry_after) : OutcomeClass::kOk;
  if (by_status != OutcomeClass::kOk) return by_status;
  if (answer != nullptr && answer->failed()) {
    return answer->ending == Ending::kCapacity ? OutcomeClass::kCapacity : OutcomeClass::kErrorEvent;
  }
  if (error) return classify_error(*error);
  return answer != nullptr && answer->ending == Ending::kTruncated ? OutcomeClass::kTruncated : OutcomeClass::kOk;
}

std::uint8_t RequestContext::newly_over(std::uint64_t elapsed_us) const {
  std::uint8_t bits = 0;
  const bool baseline = assignment.arm == Arm::kBaseline;
  for (std::size_t k = 0; k < traffic->latency_metrics; ++k) {
    const LatencyThreshold& threshold = traffic->thresholds[k];
    const std::uint64_t limit = baseline ? threshold.baseline_us : threshold.candidate_us;
    if (limit != 0 && elapsed_us > limit) bits = static_cast<std::uint8_t>(bits | (1U << k));
  }
  return static_cast<std::uint8_t>(bits & ~over);
}

std::uint64_t RequestContext::next_threshold_us(std::uint64_t elapsed_us) const {
  std::uint64_t next = overdue ? 0 : traffic->overdue_us;
  const bool baseline = assignment.arm == Arm::kBaseline;
  for (std::size_t k = 0; k < traffic->latency_metrics; ++k) {
    const LatencyThreshold& threshold = traffic->thresholds[k];
    const std::uint64_t limit = baseline ? threshold.baseline_us : threshold.candidate_us;
    if (limit >= elapsed_us && limit != 0 && (over & (1U << k)) == 0 && (next == 0 || limit < next)) next = limit;
  }
  return next;
}

Outcome RequestContext::base_outcome() const {
  Outcome outcome;
  outcome.reason = assignment.reason;
  outcome.arm = assignment.arm;
  outcome.judged = assignment.judged;
  outcome.keyed = assignment.keyed;
  outcome.cluster = assignment.cluster;
  outcome.user_hash = assignment.user_hash;
  outcome.attempts = attempts;
  outcome.rescued = rescued;
  outcome.route = route->id;
  outcome.service = service->id;
  outcome.version = assignment.version;
  outcome.step = assignment.step;
  outcome.epoch = assignment.epoch;
  outcome.threshold_version = traffic->threshold_version;
  return outcome;
}

Outcome RequestContext::ended_outcome(std::uint64_t bytes_in, std::uint64_t bytes_out) const {
  Outcome outcome = base_outcome();
  outcome.kind = Outcome::Kind::kEnded;
  outcome.outcome = classify();
  // Cut by our own shutdown, or for want of something of ours: neither arm's evidence.
  const bool cut = error && error->kind == ErrorKind::kCancelled;
  const bool lacked = !first_failure && error && error->kind == ErrorKind::kNoResources;
  if (cut || lacked || ours) outcome.judged = false;
  outcome.status_hundreds = static_cast<std::uint8_t>(status / 100);
  outcome.latency_us = latency_us;
  outcome.time_to_headers_us = saturate(time_to_headers_us);
  outcome.bytes_in_kib = saturate((bytes_in + 1023) / 1024);
  outcome.bytes_out = bytes_out;
  outcome.overdue_change = overdue ? -1 : 0;
  outcome.over = newly_over(latency_us);
  // Below a threshold, only a request that ended well enters (STATISTICS.md 4.1).
  if (outcome.outcome != OutcomeClass::kOk) return outcome;
  const bool baseline = assignment.arm == Arm::kBaseline;
  for (std::size_t k = 0; k < traffic->latency_metrics; ++k) {
    const LatencyThreshold& threshold = traffic->thresholds[k];
    const bool armed = (baseline ? threshold.baseline_us : threshold.candidate_us) != 0;
    const auto bit = static_cast<std::uint8_t>(1U << k);
    if (armed && ((over | outcome.over) & bit) == 0) outcome.under = static_cast<std::uint8_t>(outcome.under | bit);
  }
  return outcome;
}

}  // namespace weir::proxy
