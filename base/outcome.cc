#include "base/outcome.h"

#include <array>

namespace weir {

std::string_view to_string(OutcomeClass outcome) {
  constexpr std::array<std::string_view, kOutcomeClassCount> kNames = {
      "ok",      "http_4xx", "http_5xx",  "capacity",    "connect",
      "timeout", "reset",    "truncated", "error_event", "client_abort"};
  return kNames[static_cast<std::size_t>(outcome)];
}

std::string_view to_string(AssignmentReason reason) {
  constexpr std::array<std::string_view, kAssignmentReasonCount> kNames = {
      "only", "hash", "new_cookie", "unkeyed", "override", "creator", "session"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string_view to_string(BinaryMetric metric) {
  constexpr std::array<std::string_view, kBinaryMetricCount> kNames = {"errorRate", "capacityRate", "clientErrorRate",
                                                                       "clientAbortRate", "truncated"};
  return kNames[static_cast<std::size_t>(metric)];
}

bool counts_in(BinaryMetric metric, OutcomeClass outcome) {
  if (metric == BinaryMetric::kClientAbortRate) return true;
  if (outcome == OutcomeClass::kClientAbort) return false;
  const bool of_answers = metric == BinaryMetric::kErrorRate || metric == BinaryMetric::kTruncated;
  return !of_answers || outcome != OutcomeClass::kCapacity;
}

bool is_failure(BinaryMetric metric, OutcomeClass outcome) {
  switch (outcome) {
    case OutcomeClass::kOk:
      return false;
    case OutcomeClass::kHttp4xx:
      return metric == BinaryMetric::kClientErrorRate;
    case OutcomeClass::kCapacity:
      return metric == BinaryMetric::kCapacityRate;
    case OutcomeClass::kClientAbort:
      return metric == BinaryMetric::kClientAbortRate;
    case OutcomeClass::kTruncated:
      return metric == BinaryMetric::kErrorRate || metric == BinaryMetric::kTruncated;
    case OutcomeClass::kHttp5xx:
    case OutcomeClass::kConnect:
    case OutcomeClass::kTimeout:
    case OutcomeClass::kReset:
    case OutcomeClass::kErrorEvent:
      return metric == BinaryMetric::kErrorRate;
  }
  return false;
}

}  // namespace weir
