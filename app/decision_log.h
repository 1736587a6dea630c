// Confined to the control thread. Tells the log what is decided, and at the end what of it is not on the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "analysis/rollout/controller.h"
#include "base/json.h"

namespace weir::app {

// "chat: running, 25 % of the users on v2".
std::string standing(const analysis::Rollout& rollout);

class DecisionLog {
 public:
  // What the controller remembers of earlier lives is no news.
  explicit DecisionLog(const analysis::Controller& controller)
      : controller_(controller), told_(controller.history_version()) {}

  // `also` is told of each new record. True: there were some.
  bool tell(const std::function<void(const json::Value&)>& also);
  // What the next start will not know.
  void tell_unsaved() const;

 private:
  const analysis::Controller& controller_;
  std::uint64_t told_;
};

}  // namespace weir::app
