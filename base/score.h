// Immutable. What somebody thought of an answer, joined to the request that it is about (PRODUCT.md section 5,
// `feedback`): a record for the judge of the rollout that assigned the request.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace weir {

// Guards of feedback that a rollout can have, with room for those that an edit has just replaced.
inline constexpr int kMaxScoreMetrics = 8;

// Frozen when the request was assigned: a score that comes late is its arm's and its step's, whatever has become of the
// weight (STATISTICS.md 4.1).
struct Attribution {
  ServiceId service = kNoId;
  VersionId version = kNoId;
  StepId step = 0;
  Epoch epoch = 0;
  Arm arm = Arm::kBaseline;
  std::uint8_t cluster = 0;
  bool judged = false;
};

struct Score {
  Attribution of;
  std::uint8_t slot = 0;    // the rollout's k-th guard of feedback
  std::uint16_t value = 0;  // in ten-thousandths: 0 is the best there can be, kWholeValue the worst
};

}  // namespace weir
