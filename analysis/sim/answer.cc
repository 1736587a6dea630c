#include "analysis/sim/answer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace weir::analysis::sim {
namespace {

constexpr double kFastFailure_s = 0.005;
constexpr double kTokenMicros = 3;
constexpr double kNormal95 = 1.6448536269514722;

double share(double baseline, const Worse* worse) {
  const double rate = std::min(1.0, baseline * (worse == nullptr ? 1 : worse->factor));
  return worse == nullptr ? rate : rate + (1 - rate) * worse->extra;
}

double normal_cdf(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

OutcomeClass outcome_of(const Asked& asked, const Traffic& traffic, const Regression* wrong) {
  if (asked.request.doomed) return OutcomeClass::kHttp5xx;
  const double errors = traffic.error_rate * static_cast<double>(asked.user.error_factor) * asked.climate.error_factor;
  double below = share(errors, wrong == nullptr ? nullptr : &wrong->errors);
  if (asked.request.fate < below) return OutcomeClass::kHttp5xx;
  below += share(traffic.capacity_rate, wrong == nullptr ? nullptr : &wrong->capacity);
  if (asked.request.fate < below) return OutcomeClass::kCapacity;
  below += share(traffic.client_error_rate, wrong == nullptr ? nullptr : &wrong->client_errors);
  if (asked.request.fate < below) return OutcomeClass::kHttp4xx;
  below += share(traffic.client_abort_rate, wrong == nullptr ? nullptr : &wrong->client_aborts);
  return asked.request.fate < below ? OutcomeClass::kClientAbort : OutcomeClass::kOk;
}

double stretched(double latency_s, const Request& request, const Regression& wrong) {
  double factor = wrong.latency_factor;
  if (wrong.tail_factor != 1 && request.latency > kNormal95) {
    factor *= 1 + (wrong.tail_factor - 1) * std::min(1.0, (normal_cdf(request.latency) - 0.95) / 0.04);
  }
  if (request.input() < wrong.slow_share) factor *= wrong.slow_factor;
  return latency_s * factor;
}

}  // namespace

// What the answer is, and what is thought of it.
namespace {

void add_quality(const Asked& asked, const Regression* wrong, Reply& reply) {
  const Request& request = asked.request;
  reply.tokens = static_cast<std::uint32_t>(request.tokens * (wrong == nullptr ? 1 : wrong->tokens_factor));
  const double token_micros = kTokenMicros * (wrong == nullptr ? 1 : wrong->cost_factor);
  reply.cost_micros = static_cast<std::uint64_t>(std::llround(token_micros * reply.tokens));
  reply.relevance = std::max(0.0, request.score - (wrong == nullptr ? 0 : wrong->relevance_less));
  reply.hallucinated = request.truth < share(kHallucinationRate, wrong == nullptr ? nullptr : &wrong->hallucinations);
}

}  // namespace

Reply answer(const Asked& asked, const Traffic& traffic, const Regression* wrong) {
  Reply reply{.outcome = outcome_of(asked, traffic, wrong)};
  if (traffic.quality) add_quality(asked, wrong, reply);
  if (traffic.fails_fast && reply.outcome != OutcomeClass::kOk) {
    reply.latency_s = kFastFailure_s;
    return reply;
  }
  const double own_log = static_cast<double>(asked.user.latency_log) + asked.climate.latency_log;
  const double middle_s =
      1 - asked.request.input() <= traffic.stream_share ? traffic.stream.count() : traffic.median_latency_s;
  const double latency_s = middle_s * std::exp(kLatencySpread * asked.request.latency + own_log);
  reply.latency_s = wrong == nullptr ? latency_s : stretched(latency_s, asked.request, *wrong);
  return reply;
}

}  // namespace weir::analysis::sim
