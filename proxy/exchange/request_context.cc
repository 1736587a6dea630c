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

void RequestContext::note_refused_answer() {
  if (!first_failure) first_failure = classify();
}

void RequestContext::begin_rescue(const FailedAttempt& failed, SteadyTime now) {
  ours = !first_failure && failed.error.kind == ErrorKind::kNoResources;
  if (!first_failure) first_failure = classify_attempt(failed);
  rescued = true;
  latency_us = clock.elapsed_us(now);
  response_ended = true;
}

// The first failure wins: a status that came before the connection broke, and before that what the answer said.
OutcomeClass classify(const AttemptEnd& end) {
  const OutcomeClass by_status = end.status != 0 ? classify_status(end.status, end.retry_after) : OutcomeClass::kOk;
  if (by_status != OutcomeClass::kOk) return by_status;
  if (end.answer != nullptr && end.answer->failed()) {
    return end.answer->ending == Ending::kCapacity ? OutcomeClass::kCapacity : OutcomeClass::kErrorEvent;
  }
  if (end.error) return classify_error(*end.error);
  const bool truncated = end.answer != nullptr && end.answer->ending == Ending::kTruncated;
  return truncated ? OutcomeClass::kTruncated : OutcomeClass::kOk;
}

OutcomeClass RequestContext::classify() const {
  if (first_failure) return *first_failure;
  const bool answered_upstream = status != 0 && (!error || time_to_headers_us != 0);
  return proxy::classify({answered_upstream ? status : 0, retry_after, answer, error});
}

std::string_view RequestContext::model() const {
  return asked == nullptr ? std::string_view() : asked->text(config::BodyText::kModel).value_or("");
}

std::uint64_t RequestContext::limit_us(std::size_t k) const {
  const LatencyThreshold& threshold = traffic->thresholds[k];
  return assignment.arm == Arm::kBaseline ? threshold.baseline_us : threshold.candidate_us;
}

bool RequestContext::has_come(TimeMetric time) const {
  switch (time) {
    case TimeMetric::kLatency:
      return response_ended;
    case TimeMetric::kTimeToHeaders:
      return time_to_headers_us != 0;
    case TimeMetric::kTimeToFirstOutput:
      return own_answer() != nullptr && own_answer()->first_output_us != 0;
    case TimeMetric::kChunkGap:
      return response_ended && own_answer() != nullptr && own_answer()->mean_gap_us() != 0;
  }
  return true;
}

std::uint64_t RequestContext::time_us(TimeMetric time, std::uint64_t age_us) const {
  switch (time) {
    case TimeMetric::kLatency:
      return response_ended ? latency_us : age_us;
    case TimeMetric::kTimeToHeaders:
      return time_to_headers_us != 0 ? time_to_headers_us : age_us;
    case TimeMetric::kTimeToFirstOutput:
      if (route->inspect == config::Inspect::kOff) return 0;
      return has_come(time) ? own_answer()->first_output_us : age_us;
    case TimeMetric::kChunkGap:
      return has_come(time) ? own_answer()->mean_gap_us() : 0;
  }
  return age_us;
}

std::uint8_t RequestContext::newly_over(std::uint64_t elapsed_us) const {
  std::uint8_t bits = 0;
  for (std::size_t k = 0; k < traffic->latency_metrics; ++k) {
    const std::uint64_t limit = limit_us(k);
    if (limit != 0 && time_us(traffic->times[k], elapsed_us) > limit)
      bits = static_cast<std::uint8_t>(bits | (1U << k));
  }
  return static_cast<std::uint8_t>(bits & ~over);
}

std::uint64_t RequestContext::next_threshold_us(std::uint64_t elapsed_us) const {
  std::uint64_t next = overdue ? 0 : traffic->overdue_us;
  for (std::size_t k = 0; k < traffic->latency_metrics; ++k) {
    const std::uint64_t limit = limit_us(k);
    const bool passed = (over & (1U << k)) != 0 || limit == 0 || limit < elapsed_us;
    const bool rises = !has_come(traffic->times[k]) && time_us(traffic->times[k], elapsed_us) == elapsed_us;
    if (!passed && rises && (next == 0 || limit < next)) next = limit;
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
  for (std::size_t k = 0; k < traffic->latency_metrics; ++k) {
    const TimeMetric time = traffic->times[k];
    const auto bit = static_cast<std::uint8_t>(1U << k);
    const bool known = time == TimeMetric::kLatency || has_come(time);
    if (limit_us(k) == 0 || !known || ((over | outcome.over) & bit) != 0) continue;
    outcome.under = static_cast<std::uint8_t>(outcome.under | bit);
  }
  return outcome;
}

std::optional<SteadyTime> RequestContext::next_slowness(SteadyTime now) const {
  if (!assignment.judged) return {};
  const std::uint64_t elapsed_us = clock.elapsed_us(now);
  const std::uint64_t next_us = next_threshold_us(elapsed_us);
  if (next_us == 0) return {};
  const std::uint64_t left_us = next_us > elapsed_us ? next_us - elapsed_us : 0;
  // One more, for "passed" means more than the threshold; and while the clock stands, look again at the next tick.
  return now + Microseconds(left_us + 1);
}

Outcome RequestContext::slow_outcome(std::uint64_t elapsed_us) {
  Outcome outcome = base_outcome();
  outcome.kind = Outcome::Kind::kSlow;
  outcome.latency_us = elapsed_us;
  outcome.over = newly_over(elapsed_us);
  if (!overdue && elapsed_us > traffic->overdue_us) {
    overdue = true;
    outcome.overdue_change = 1;
  }
  over = static_cast<std::uint8_t>(over | outcome.over);
  return outcome;
}

std::optional<FailedRequest> RequestContext::failed_request(const Outcome& outcome, const Answer* was) const {
  const unsigned answers = was == nullptr ? 0U : bad_metrics(*was) & traffic->answer_metrics;
  const bool bad = outcome.outcome != OutcomeClass::kOk || outcome.over != 0 || answers != 0;
  if (!bad || !outcome.judged || outcome.arm != Arm::kCandidate) return {};
  FailedRequest failed{.service = outcome.service,
                       .step = outcome.step,
                       .epoch = outcome.epoch,
                       .outcome = outcome.outcome,
                       .over = outcome.over,
                       .answers = static_cast<std::uint16_t>(answers)};
  failed.set_id(request_id);
  return failed;
}

std::optional<std::uint64_t> RequestContext::cost_micros() const {
  if (answer == nullptr || !answer->tokens_in || !answer->tokens_out || !answering->prices) return {};
  return answering->prices->cost_micros(
      {.in = *answer->tokens_in, .cached = answer->tokens_cached, .out = *answer->tokens_out});
}

std::optional<Joinable> RequestContext::joinable(const Outcome& ended) const {
  if (!traffic->scored || ended.reason == AssignmentReason::kOverride) return {};
  Joinable out;
  // Of a rescue it is the baseline's answer that is scored, which says nothing of either version's own users.
  out.of = {.service = ended.service,
            .version = rescued ? answering->id : ended.version,
            .step = ended.step,
            .epoch = ended.epoch,
            .arm = rescued ? Arm::kBaseline : ended.arm,
            .cluster = ended.cluster,
            .judged = ended.judged && !rescued};
  out.rollout = traffic->identity;
  out.keys = {join_key(JoinKind::kRequest, request_id), answer == nullptr ? 0 : answer->id,
              join_key(JoinKind::kTrace, trace.id()), assignment.session};
  return out;
}

std::optional<Answer> RequestContext::ended_answer(const Outcome& ended) const {
  if (route->inspect == config::Inspect::kOff) return {};
  const AnswerFacts* const facts = own_answer();
  Answer out;
  out.known = facts != nullptr && facts->known;
  // What is no model's answer is not told; that a model had none is.
  if (!out.known && ended.outcome == OutcomeClass::kOk) return {};
  out.service = ended.service;
  out.version = ended.version;
  out.step = ended.step;
  out.epoch = ended.epoch;
  out.route = ended.route;
  out.arm = ended.arm;
  out.cluster = ended.cluster;
  out.outcome = ended.outcome;
  out.judged = ended.judged;
  out.chosen = !chosen_by_split(ended.reason);
  out.duration_us = saturate(ended.latency_us);
  out.asked = ModelName(model());
  if (!out.known) return out;
  out.time_to_output_us = saturate(facts->first_output_us);
  out.mean_gap_us = saturate(facts->mean_gap_us());
  out.counted = facts->tokens_out.has_value();
  out.tokens_in = saturate(facts->tokens_in.value_or(0));
  out.tokens_out = saturate(facts->tokens_out.value_or(0));
  out.tokens_cached = saturate(facts->tokens_cached);
  out.finish = facts->finish;
  out.empty = facts->empty;
  out.invalid = facts->invalid;
  out.streamed = facts->streamed;
  if (const std::optional<std::uint64_t> cost = cost_micros()) {
    out.priced = true;
    out.cost_micros = *cost;
  }
  judge_values(out, *traffic);
  return out;
}

}  // namespace weir::proxy
