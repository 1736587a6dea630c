#include "app/decision_log.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/log.h"
#include "config/units.h"

namespace weir::app {
namespace {

void tell_one(const json::Value& record) {
  const std::string& decision = record["decision"].string();
  const bool alarm = decision == "pause" && record["actor"].string() == "weir" && record["rule"].string() != "plan";
  const bool bad = decision == "rollback" || decision == "alarm" || alarm;
  log::write(bad ? log::Level::kWarn : log::Level::kInfo, "decision",
             {{"service", record["service"].string()},
              {"decision", decision},
              {"candidate", record["candidate"].string()},
              {"weight_percent", record["weight_after_percent"].number()},
              {"actor", record["actor"].string()},
              {"reason", record["reason"].string()}});
}

}  // namespace

std::string standing(const analysis::Rollout& rollout) {
  const analysis::RolloutState& state = rollout.state();
  return rollout.plan().key.service + ": " + std::string(analysis::to_string(state.phase)) + ", " +
         config::format_percent(state.served_ppm) + " of the users " +
         (rollout.plan().policy.strategy == config::Strategy::kAa ? "in the second arm of " : "on ") +
         rollout.plan().key.candidate;
}

bool DecisionLog::tell(const std::function<void(const json::Value&)>& also) {
  const std::uint64_t version = controller_.history_version();
  if (version == told_) return false;
  const auto& history = controller_.history();
  const auto fresh = std::min<std::uint64_t>(version - std::exchange(told_, version), history.size());
  for (auto record = history.end() - static_cast<std::ptrdiff_t>(fresh); record != history.end(); ++record) {
    tell_one(*record);
    also(*record);
  }
  return true;
}

void DecisionLog::tell_unsaved() const {
  const bool kept = !controller_.store_health().forgets_rollbacks;
  for (const auto& [service, rollout] : controller_.rollouts()) {
    if (rollout.durable()) continue;
    const bool closed = kept && rollout.state().phase == analysis::Phase::kRolledBack;
    log::write(closed ? log::Level::kWarn : log::Level::kError, "decision_not_saved",
               {{"decision", standing(rollout)},
                {"reason", rollout.state().reason},
                {"effect", closed ? "the next start keeps it on its baseline, and does not know why"
                                  : "the next start goes on from what was decided before"}});
  }
}

}  // namespace weir::app
