#include "app/rollout_plans.h"

#include <utility>

#include "base/hash.h"

namespace weir::app {

std::vector<analysis::RolloutPlan> rollout_plans(const config::Config& config, Names& names) {
  std::vector<analysis::RolloutPlan> plans;
  for (const auto& [service, policy] : config.rollouts) {
    analysis::RolloutPlan plan;
    plan.key = {
        .service = service, .baseline = policy.baseline, .candidate = policy.candidate, .revision = policy.revision};
    plan.policy = policy;
    plan.service = names.services.intern(service);
    plan.baseline = names.version(service, policy.baseline);
    plan.candidate = names.version(service, policy.candidate);
    plan.identity = rollout_identity({service, policy.baseline, policy.candidate, policy.revision, policy.salt});
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace weir::app
