// Confined to one thread. A rollout's plan played to its end in a simulated world.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/sim/world.h"

namespace weir::analysis::sim {

enum class Ending : std::uint8_t { kPromoted, kRolledBack, kPaused, kUnfinished, kReported };
inline constexpr std::size_t kEndingCount = 5;
std::string_view to_string(Ending ending);

struct TimelineEntry {
  Seconds at{0};         // of the rollout's time
  std::string decision;  // as in the history
  std::string rule;
  std::string reason;
  double weight_percent = 0;  // in force from then on
};

struct Played {
  Ending ending = Ending::kUnfinished;
  Seconds took{0};
  std::uint64_t requests = 0;
  std::uint64_t candidate_requests = 0;
  std::vector<TimelineEntry> timeline;
};

// A pause of the plan that waits for a person is resumed at once; any other pause that does so is an end, as is
// `longest`, and the first report of a baseline against itself.
Played play(WorldSpec spec, Seconds longest);

}  // namespace weir::analysis::sim
