// Confined to one thread. The decisions of one rollout made again from its records: by the same judge, the same policy
// and the plan that ran, to the last bit; and by another plan beside it (other_trial.h).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/records/entry.h"
#include "analysis/records/input_code.h"
#include "analysis/records/other_plan.h"
#include "analysis/records/trial.h"
#include "base/json.h"

namespace weir::analysis {

struct ReplaySpec {
  std::string service = {};
  std::int64_t from_ms = 0;
  std::int64_t to_ms = std::numeric_limits<std::int64_t>::max();
  const config::Rollout* other = nullptr;  // null: the plan that ran alone
};

struct ReplayEvent {
  enum class Kind : std::uint8_t {
    kBegins,    // from here on the rollout is known
    kDecided,   // `record` is what was decided
    kDiverged,  // what is decided now is something else. `record`, if it is a decision
    kWould,     // `record` is what the other plan would have decided
    kWouldNot,  // the other plan would not have done what was done; `words` say why
    kGap,       // records are missing
    kRestart,   // the weir was started anew
    kLeft,      // the rollout was taken out of the plan
  };
  Kind kind = Kind::kBegins;
  std::int64_t unix_ms = 0;
  json::Value record;
  std::string words;         // for people
  bool ours = false;         // kDecided: on the evidence, the plan and the time, by nobody's command
  bool again = false;        // kDecided: and it was decided again, to the last bit
  bool blind = false;        // kDecided: records are missing from which it would have to be decided again
  bool withdrawn = false;    // kDecided: it never came into effect, for something came before the disk had it
  bool approximate = false;  // kWould: some times were read from the histogram
};

struct Replayed {
  std::vector<ReplayEvent> events;         // by time
  std::vector<std::string> problems;       // files that could not be read, and why
  std::vector<Incomparable> incomparable;  // why the other plan cannot be judged by the records; ends the replay
  RolloutKey key;                          // of the last rollout of the service that was found
  bool found = false;                      // a frame of the service
  bool reached = false;                    // something of it within the time that is asked for
  bool damaged = false;                    // something in the midst of the records cannot be read
  std::int64_t from_ms = 0;                // of the first tick judged again
  std::int64_t to_ms = 0;                  // of the last
  std::uint64_t ticks = 0;                 // judged again
  std::uint64_t frames_equal = 0;          // where all that the judge knew is what the judge now knows
};

// The services of which the records know a rollout, by name.
std::vector<std::string> services_in(const std::vector<std::string>& segments);

Replayed replay(const ReplaySpec& spec, const std::vector<std::string>& segments);

}  // namespace weir::analysis
