// Confined to one thread. What others decide by, on the same requests: the rules that Weir is compared with in
// STATISTICS.md section 6, each configured once, as 6.1 says, and not tuned.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "analysis/sim/answer.h"

namespace weir::bench {

struct Seen {
  double at_s = 0;  // since the rollout began
  Arm arm = Arm::kBaseline;
  bool slice = false;  // of the baseline's users, as many as the candidate has
  bool failed = false;
  double latency_s = 0;
};

class Rule {
 public:
  virtual ~Rule() = default;
  virtual std::string_view name() const = 0;
  virtual void add(const Seen& seen) = 0;
  // All that came before this whole second has been added. True: it would roll back now.
  virtual bool at_second(std::int64_t second) = 0;
};

// When its one look is, of a rule that has one.
struct RuleOptions {
  std::int64_t fixed_look_s = 3 * 3600;
};
std::vector<std::unique_ptr<Rule>> make_rules(const RuleOptions& options);

// Kayenta's test: two-sided Mann-Whitney at 98 %, and what must lie above a quarter of the shift: the lower end of its
// interval. Exposed for its own test.
bool kayenta_high(std::vector<double> control, std::vector<double> experiment);

}  // namespace weir::bench
