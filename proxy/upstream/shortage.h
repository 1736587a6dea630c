// Confined to one worker. Tells that this process lacked what a connection to an endpoint needs.
#pragma once

#include <chrono>
#include <string_view>

#include "base/clock.h"
#include "proxy/observe/counters.h"

namespace weir::proxy {

class Shortage {
 public:
  explicit Shortage(Counters& counters) : counters_(counters) {}

  // Counted, and said in the log once in a while: a connection to `endpoint` was not opened.
  void tell(std::string_view endpoint, std::string_view why);

  static constexpr std::chrono::seconds kTellAgainAfter{10};

 private:
  Counters& counters_;
  SteadyTime tell_again_{};
};

}  // namespace weir::proxy
