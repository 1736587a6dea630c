// Confined to the control thread. Tells the log that the state cannot be written, and that it can again.
#pragma once

#include <string>

#include "analysis/rollout/ports.h"
#include "base/clock.h"

namespace weir::app {

class StoreLog {
 public:
  explicit StoreLog(std::string path) : path_(std::move(path)) {}

  // True: people should see it at once.
  bool tell(const analysis::StoreHealth& health, SteadyTime now);
  // Why it cannot be written, as was told last; empty: it can.
  const std::string& problem() const { return problem_; }

 private:
  std::string path_;
  std::string problem_;
  std::string notice_;
  bool forgets_rollbacks_ = false;
  SteadyTime told_;  // that it fails
};

}  // namespace weir::app
