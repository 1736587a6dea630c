// Confined to the control thread. The decision records of a weir that runs: kept where its state is, unless the plan
// says that none are. Tells the log that they are not written, and that they are again; nothing else depends on them.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "analysis/records/recording.h"
#include "app/metrics/exposition.h"
#include "base/clock.h"
#include "config/config.h"

namespace weir::app {

class DecisionRecords {
 public:
  DecisionRecords(const Clock& clock, const config::State& state);

  // Null: none are kept.
  analysis::Recorder* recorder() { return recording_.get(); }
  // True: people should see it at once.
  bool tell();
  // Why they are not written, as was told last; empty: they are.
  const std::string& problem() const { return problem_; }
  RecordsSample sample() const;

  // For a clean end: hands over what there is, and waits for the disk for so long at most.
  void finish(std::chrono::milliseconds patience);
  // The writer does not hang on a disk.
  bool idle() const { return !recording_ || recording_->idle(); }

 private:
  std::unique_ptr<analysis::Recording> recording_;
  std::string problem_;
};

}  // namespace weir::app
