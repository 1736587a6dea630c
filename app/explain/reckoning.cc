#include "app/explain/reckoning.h"

#include <chrono>
#include <string_view>

namespace weir::app {
namespace {

constexpr std::string_view kAssumed = "assumed";
constexpr std::size_t kErrors = static_cast<std::size_t>(BinaryMetric::kErrorRate);

void set_errors(Reckoning& into, double share, std::string_view from) {
  into.errors = share;
  into.traffic.rates[kErrors] = analysis::usable_rate(share);
  into.traffic.rates_known[kErrors] = from != kAssumed;
  into.errors_from = from;
}

void set_median(Reckoning& into, config::Duration median, std::string_view from) {
  into.p50 = median;
  into.traffic.latency = {};
  analysis::assume_latency(into.traffic, std::chrono::duration<double, std::micro>(median).count());
  into.traffic.latency_known = from != kAssumed;
  into.latency_from = from;
}

}  // namespace

Reckoning reckon(const KnownTraffic& known) {
  Reckoning out;
  out.traffic.rates.fill(analysis::kAssumedRate);
  const bool errors = known.measured != nullptr && known.measured->errors;
  const bool latency = known.measured != nullptr && known.measured->latency;
  if (known.measured != nullptr) {
    out.traffic = known.measured->traffic;
    out.rps_from = known.measured_at;
    if (errors) out.errors_from = known.measured_at;
    if (latency) out.latency_from = known.measured_at;
    if (!errors) out.traffic.rates.fill(analysis::kAssumedRate);
    out.traffic.rates_known.fill(errors);
    out.traffic.latency_known = latency;
  }
  if (!errors) set_errors(out, config::kAssumedErrors, kAssumed);
  if (!latency) set_median(out, config::kAssumedP50, kAssumed);
  if (known.planned != nullptr) {
    if (known.measured == nullptr) {
      out.traffic.rps = known.planned->requests_per_second;
      out.rps_from = "the plan";
    }
    if (!errors && known.planned->errors) set_errors(out, *known.planned->errors, "the plan");
    if (!latency && known.planned->p50) set_median(out, *known.planned->p50, "the plan");
  }
  if (known.given.rps) {
    out.traffic.rps = *known.given.rps;
    out.rps_from = "--rps";
  }
  if (known.given.errors) set_errors(out, *known.given.errors, "--baseline-errors");
  if (known.given.p50) set_median(out, *known.given.p50, "--baseline-p50");
  if (known.measured == nullptr) out.before_s = analysis::kAssumedBefore_s;
  if (known.measured == nullptr) out.traffic.latency_history = out.traffic.rps * out.before_s;
  out.traffic.scored_share = analysis::kAssumedScoredShare;
  out.traffic.scored_after_s = analysis::kAssumedScoredAfter_s;
  out.traffic.design_effect = known.given.design_effect;
  return out;
}

}  // namespace weir::app
