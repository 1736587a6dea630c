// Pure functions, and one value that is confined to one thread. What a judge was given in one tick, as bytes and back.
// The one place for each field of TickInput and of all that is in it: input_code.cc names every one of them, and does
// not compile when one is added and not said to be kept or left out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "analysis/judge/bytes.h"
#include "analysis/judge/judge.h"

namespace weir::analysis {

// Of what a judge looks at only at times.
struct InputParts {
  bool users = true;   // ArmCounts::users
  bool failed = true;  // StepCounts::failed
};

// Everything but dt, the epoch and the versions' ids: those of another process mean nothing.
void write_input(ByteWriter& out, const TickInput& input, const InputParts& parts);

// A tick read back; its memory is used again for the next one.
class RecordedInput {
 public:
  // Replaces what it had. Damage shows in `in`.
  void read(ByteReader& in);
  // Nothing came.
  void clear();
  // Valid until the next read() or clear().
  TickInput input(Seconds dt) const;

  // For who counts anew under other thresholds.
  std::span<StepCounts* const> steps() const { return step_list_; }

 private:
  std::vector<std::unique_ptr<StepCounts>> steps_;  // in use: steps_used_
  std::vector<std::unique_ptr<ArmCounts>> elsewhere_;
  std::size_t steps_used_ = 0;
  std::size_t elsewhere_used_ = 0;
  std::vector<StepCounts*> step_list_;
  std::vector<const ArmCounts*> elsewhere_list_;
  std::vector<Comparison> compared_;
  OutsideCounts outside_;
  bool has_outside_ = false;
  std::uint64_t malformed_ = 0;
};

}  // namespace weir::analysis
