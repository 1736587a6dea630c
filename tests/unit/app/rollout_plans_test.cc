#include "app/rollout_plans.h"

#include <gtest/gtest.h>

#include "proxy/exchange/topology.h"

namespace weir::app {
namespace {

config::Config with_rollout() {
  config::Config config;
  config.services["alone"].versions["v9"].endpoints.push_back({"", "127.0.0.1", 9});
  for (const char* name : {"v1", "v2"})
    config.services["chat"].versions[name].endpoints.push_back({"", "127.0.0.1", 1});
  config::Rollout& rollout = config.rollouts["chat"];
  rollout.baseline = "v1";
  rollout.candidate = "v2";
  rollout.revision = "r7";
  rollout.salt = "chat/v2/r7";
  rollout.steps.push_back({.weight_ppm = 10'000, .stages = {config::Hold()}});
  return config;
}

// The two planes must mean the same rollout by the same numbers, or no request takes its weight.
TEST(RolloutPlans, SpeakOfWhatTheTopologySpeaksOf) {
  const config::Config config = with_rollout();
  Names names;
  const auto topology = proxy::build_topology(config, names);
  const std::vector<analysis::RolloutPlan> plans = rollout_plans(config, names);
  ASSERT_EQ(plans.size(), 1U);
  const proxy::ServiceTopology* const service = topology->service(plans[0].service);
  ASSERT_NE(service, nullptr);
  EXPECT_EQ(service->name, "chat");
  EXPECT_EQ(service->split.spec().identity, plans[0].identity);
  EXPECT_EQ(service->split.spec().baseline, plans[0].baseline);
  EXPECT_EQ(plans[0].policy.steps.size(), 1U);
}

TEST(RolloutPlans, AreKnownByTheirFourWords) {
  config::Config config = with_rollout();
  Names names;
  const analysis::RolloutKey before = rollout_plans(config, names).front().key;
  EXPECT_EQ(before, (analysis::RolloutKey{"chat", "v1", "v2", "r7"}));
  config.rollouts["chat"].steps.clear();
  EXPECT_EQ(rollout_plans(config, names).front().key, before);
  config.rollouts["chat"].revision = "r8";
  EXPECT_NE(rollout_plans(config, names).front().key, before);
}

}  // namespace
}  // namespace weir::app
