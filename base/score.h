// Immutable. What somebody thought of an answer, joined to the request that it is about (PRODUCT.md section 5,
// `feedback`): a record for the judge of the rollout that assigned the request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

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

// By what a score says which request it means.
enum class JoinKind : std::uint8_t { kRequest = 0, kResponse, kTrace, kSession };
inline constexpr std::size_t kJoinKinds = 4;

// What an id of this kind is found by, by whoever knows it; 0: there is no id.
std::uint64_t join_key(JoinKind kind, std::string_view id);

// Of a request that has ended and may be scored, one cache line. Written by one worker, read by the control thread through
// that worker's ring.
struct alignas(64) Joinable {
  Attribution of;
  std::uint64_t rollout = 0;  // rollout_identity() of the split that assigned it
  std::array<std::uint64_t, kJoinKinds> keys{};
};
static_assert(sizeof(Joinable) == 64);

}  // namespace weir
