// Immutable. What became of one request: the record that the data plane leaves and the control plane folds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace weir {

// The words of PRODUCT.md section 5. Values are stored in the state file: append only.
enum class OutcomeClass : std::uint8_t {
  kOk = 0,
  kHttp4xx,
  kHttp5xx,
  kCapacity,  // 429, 529, 503 with Retry-After, the version's own connection or pending limits
  kConnect,   // no endpoint could be reached
  kTimeout,
  kReset,       // also an unintelligible response
  kTruncated,   // ended before its end
  kErrorEvent,  // an error inside a 200 stream
  kClientAbort,
};
inline constexpr int kOutcomeClassCount = 10;
std::string_view to_string(OutcomeClass outcome);

// Why a request went to its version.
enum class AssignmentReason : std::uint8_t {
  kOnly = 0,   // the service has one version
  kHash,       // by the bucket of its key
  kNewCookie,  // by the bucket of the key that this response sets
  kUnkeyed,    // by a random draw
  kOverride,   // by a rule of the plan; served, never evidence
  kCreator,    // it names what that version has made; the same
  kSession,    // its conversation began there, in an earlier step; the same
};
inline constexpr int kAssignmentReasonCount = 7;
std::string_view to_string(AssignmentReason reason);
// Nobody but the split of the step in force has chosen (STATISTICS.md 4.1 "Who counts").
constexpr bool chosen_by_split(AssignmentReason reason) {
  return reason < AssignmentReason::kOverride;
}

// The binary guards that an outcome's class tells (PRODUCT.md section 5), in the order of the analyzer's tables.
enum class BinaryMetric : std::uint8_t {
  kErrorRate = 0,
  kCapacityRate,
  kClientErrorRate,
  kClientAbortRate,
  kTruncated
};
inline constexpr int kBinaryMetricCount = 5;
std::string_view to_string(BinaryMetric metric);

// Whether an outcome enters the metric's n at all, and whether it is one of its x.
bool counts_in(BinaryMetric metric, OutcomeClass outcome);
bool is_failure(BinaryMetric metric, OutcomeClass outcome);

// One cache line. Written by one worker, read by the control thread through that worker's ring.
struct alignas(64) Outcome {
  enum class Kind : std::uint8_t {
    kEnded,  // the request is over: everything below is known
    kSlow,   // it still runs and has just passed one or more thresholds: `over` and `overdue_change` alone count
  };

  Kind kind = Kind::kEnded;
  OutcomeClass outcome = OutcomeClass::kOk;
  AssignmentReason reason = AssignmentReason::kOnly;
  Arm arm = Arm::kBaseline;

  // Assigned by this step's random split, hence evidence (STATISTICS.md 4.1 "Who counts").
  bool judged = false;
  bool keyed : 1 = false;
  bool rescued : 1 = false;   // the baseline was asked instead: the outcome is the candidate's all the same
  std::uint8_t cluster = 0;   // low 8 bits of hash2 of the unit key
  std::uint8_t attempts = 1;  // a kept connection that turned out to be closed is none

  // Time metrics (bit k: the rollout's k-th) that this record enters: over -> (n+1, x+1), under -> (n+1, x).
  // A request enters each metric at most once over all its records.
  std::uint8_t over = 0;
  std::uint8_t under = 0;
  // +1 when it passes overdue_us while unfinished, -1 when such a one ends.
  std::int8_t overdue_change = 0;
  std::uint8_t status_hundreds = 0;  // 2 for a 2xx; 0 when the client got no head

  RouteId route = kNoId;
  ServiceId service = kNoId;
  VersionId version = kNoId;
  StepId step = 0;
  std::uint32_t threshold_version = 0;
  std::uint32_t user_hash = 0;  // low 20 bits of hash3 of the unit key
  Epoch epoch = 0;              // whose step id it is

  std::uint64_t latency_us = 0;          // judged latency (PRODUCT.md section 5)
  std::uint32_t time_to_headers_us = 0;  // saturating; 0 when no head came
  std::uint32_t bytes_in_kib = 0;        // request body, rounded up, saturating
  std::uint64_t bytes_out = 0;           // response body
};
static_assert(sizeof(Outcome) == 64);

inline constexpr std::size_t kMaxRequestId = 128;

// Which request it was that a judged candidate failed, was slow with or answered badly, for people to look up. A
// sample: those that find no room are left out, and nothing is counted by it.
struct FailedRequest {
  ServiceId service = kNoId;
  StepId step = 0;
  Epoch epoch = 0;
  OutcomeClass outcome = OutcomeClass::kOk;
  std::uint8_t over = 0;      // as in the Outcome
  std::uint16_t answers = 0;  // bit k: bad by the answer's k-th binary guard (base/answer.h)
  std::uint8_t scores = 0;    // bit k: as bad as can be by the rollout's k-th guard of feedback
  std::uint8_t id_size = 0;
  std::array<char, kMaxRequestId> id_space{};

  std::string_view id() const { return {id_space.data(), id_size}; }
  // Its first kMaxRequestId bytes.
  void set_id(std::string_view id) { id_size = static_cast<std::uint8_t>(id.copy(id_space.data(), id_space.size())); }
};

}  // namespace weir
