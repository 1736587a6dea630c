// Immutable. What one copy of a request told of the candidate, beside the baseline's answer to the same request. It is no
// outcome of either: nothing of it enters a guard, a budget or a version's figures.
#pragma once

#include <array>
#include <cstdint>

#include "base/ids.h"
#include "base/outcome.h"

namespace weir {

// How alike two good answers to the same request are.
enum class Likeness : std::uint8_t {
  kUnknown = 0,  // one of them at least is no good answer
  kDifferent,
  kEqual,      // the same text of a model, or the same JSON value, written otherwise
  kIdentical,  // to the byte
};
inline constexpr int kLikenessCount = 4;

// Whether an answer that says that it is JSON is that.
enum class JsonForm : std::uint8_t { kNone = 0, kValid, kInvalid };

// What a judge of the plan thinks of two answers to the same request.
enum class Opinion : std::uint8_t { kNone = 0, kBaselineBetter, kTie, kCandidateBetter };
inline constexpr int kOpinionCount = 4;

// One cache line. Written by one worker, read by the control thread through that worker's ring.
struct alignas(64) Comparison {
  // One of the two answers.
  struct Side {
    VersionId version = kNoId;
    OutcomeClass outcome = OutcomeClass::kOk;
    JsonForm json = JsonForm::kNone;
    std::uint32_t duration_us = 0;  // by the judged clock; saturating
    std::uint64_t bytes = 0;        // of the body
  };

  ServiceId service = kNoId;
  Epoch epoch = 0;  // of the traffic plan that the request was assigned by
  Likeness likeness = Likeness::kUnknown;
  // Not kNone: this is what a judge has said later of a pair that was compared, and nothing else here counts.
  Opinion opinion = Opinion::kNone;
  std::array<Side, kArmCount> sides{};  // by arm
};
static_assert(sizeof(Comparison) == 64);

}  // namespace weir
