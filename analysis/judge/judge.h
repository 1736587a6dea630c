// Confined to one thread. The judge of one rollout: from counts to a Verdict, by STATISTICS.md 4.2 to 4.14.
//
// Order of use in a tick of the controller: begin_minute() if a full minute of the rollout's elapsed time passed,
// begin_step() if the weight changed, then tick(), then verdict(). Nothing here reads a clock, a disk or randomness.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/judge/verdict.h"
#include "analysis/stats/rate_test.h"
#include "analysis/window/baseline_memory.h"
#include "analysis/window/tick_counts.h"
#include "base/ids.h"
#include "config/rollout.h"

namespace weir::analysis {

struct JudgeSpec {
  std::vector<config::Guard> guards;
  double max_false_rollback = 0.01;  // alpha
  double max_false_advance = 0.05;   // beta
  int steps = 1;                     // K: setWeight steps when the rollout started; it stays
  bool has_keys = true;              // the rollout is sticky: few_users applies
  // The fractions that the plan's steps lead to, each once or more: what is known late keeps a gate for each (4.8).
  std::vector<double> next_weights = {};
  Refresh refresh = Refresh::kWhenMoved;
};

struct StepContext {
  enum class Seed : std::uint8_t {
    kRolloutStart,  // 0.5
    kStep,          // 0.25/K, K - 1 times at most, then 0.25/1440; a restored judge's step that it had not begun, too
    kEvidenceLost,  // 0.25/1440: there is no usable save
  };

  StepId step = 0;         // never 0; rises
  double weight = 0;       // 0..1, in force: 0.95 in a bake with a holdback of 5 %
  double next_weight = 1;  // the next setWeight's fraction, 1 for 100 %
  bool at_full = false;    // the step at 100 %: no advance test
  Seed seed = Seed::kStep;
};

struct TickInput {
  std::span<const StepCounts* const> steps;  // of this judge's epoch, in any order
  // The baseline version's records under other judges' steps: they tell what it is like, and are no evidence here.
  std::span<const ArmCounts* const> elsewhere = {};
  const OutsideCounts* outside = nullptr;  // the baseline version's records outside any judged step
  std::uint64_t malformed = 0;             // ServiceCounts::malformed
  Seconds dt{0};
  // Of copies of requests: the rollout counts them, and no judge looks at them.
  std::span<const Comparison> compared = {};
};

class Judge {
 public:
  struct State;  // opaque

  explicit Judge(JudgeSpec spec, const BaselineMemory& memory = {});
  ~Judge();
  Judge(Judge&&) noexcept;
  Judge& operator=(Judge&&) noexcept;

  void begin_step(const StepContext& step);
  // At most one injection a tick: in the same tick as begin_step() it only refreshes the thresholds.
  void begin_minute();
  // False: nothing came that could have changed the verdict.
  bool tick(const TickInput& input);

  Verdict verdict() const;
  std::vector<GuardStatus> guards() const;
  // The slots that a score of this name, given by this source, counts in, and how bad it is in each. Nothing when no
  // guard is about it.
  struct ScoreSlot {
    std::uint8_t slot = 0;    // Score::slot
    std::uint16_t value = 0;  // Score::value
  };
  std::vector<ScoreSlot> score(std::string_view name, std::string_view source, double value) const;
  Thresholds thresholds() const;
  // Of thresholds(), alone: asked every tick.
  std::uint32_t threshold_version() const;
  // The newest step begun; 0 before the first.
  StepId step() const;

  // An edit of the plan (4.0): kept guards keep weight and evidence, changed and new ones begin anew, no weight rises.
  void change_guards(const JudgeSpec& spec);
  // An operator resumed (4.8): clears the counting bug and the pause pool, and tests the split anew.
  void resume();

  // What of the next tick's input it looks at: the users of the step in force, the names of bad requests.
  bool counts_users() const;
  bool names_failures() const;

  // All state, exactly, but for the requests in flight, the users of the last seconds, and the names of bad requests,
  // which die with the process.
  // Tens of KB, and while the users of a step are counted a byte for each, up to 200 KB.
  std::string save() const;
  // Nothing when the bytes are damaged or of another version; the caller then begins with Seed::kEvidenceLost. Guards
  // that `spec` has otherwise than the bytes begin anew, as by change_guards().
  static std::optional<Judge> restore(const JudgeSpec& spec, std::string_view bytes);
  // With all that save() leaves out: what is made of it goes on as this one would, to the last bit. `spec` is the one
  // in force when it was taken. Nothing when the bytes are damaged or of another version.
  std::string snapshot() const;
  static std::optional<Judge> of_snapshot(const JudgeSpec& spec, std::string_view bytes);
  // What the baseline is like lately, as this judge knows it; of a new one, what it was made with.
  BaselineMemory memory() const;
  // What `known` knows of the baseline, for who judges the same requests by other margins: the memory, and of guards of
  // the same number its history, threshold and cap.
  void take_baseline(const Judge& known);

 private:
  explicit Judge(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace weir::analysis
