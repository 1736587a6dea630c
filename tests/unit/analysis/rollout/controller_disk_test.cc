// A decision that is durable and does not show yet: ARCHITECTURE.md section 4.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using testing::Answer;
using testing::kFirst;
using testing::plan_of;
using testing::three_steps;
using testing::World;

// A decision is durable up to a tick before it shows. What comes in between comes after it, and takes nothing back.
class TakenByTheDisk : public ::testing::TestWithParam<bool> {
 protected:
  TakenByTheDisk() {
    world.start({plan_of(three_steps())});
    EXPECT_TRUE(world.tick_until_weight(kFirst));
    world.tick(5);
    world.works = false;
    raised = world.say(Command::Verb::kWeight, 600'000);
    if (GetParam()) {
      world.store.lands_first = true;
    } else {
      world.store.flush();
    }
  }
  // All that the disk was told, and no more, is in the history.
  void expect(const std::vector<std::string>& decisions) {
    world.store.lands_first = false;
    world.works = true;
    world.tick(3);
    EXPECT_EQ(raised->refusal, "");
    EXPECT_EQ(world.decisions(), decisions);
    std::vector<std::string> on_disk;
    for (const std::string& record : world.store.records()) {
      on_disk.push_back(json::parse(record).value["decision"].string());
    }
    EXPECT_EQ(on_disk, decisions);
  }

  World world;
  std::shared_ptr<Answer> raised;
};

INSTANTIATE_TEST_SUITE_P(Rollout, TakenByTheDisk, ::testing::Values(false, true),
                         [](const auto& land) { return land.param ? "AtTheLastMoment" : "BeforeTheTick"; });

TEST_P(TakenByTheDisk, HappensBeforeACommand) {
  const auto aborted = world.say(Command::Verb::kAbort);
  expect({"start", "weight", "rollback"});
  EXPECT_EQ(aborted->refusal, "");
  EXPECT_EQ(world.state().phase, Phase::kRolledBack);
}

TEST_P(TakenByTheDisk, HappensBeforeAnEdit) {
  config::Rollout edited = three_steps();
  edited.analysis.max_false_rollback = 0.02;
  world.controller->set_plans({plan_of(edited)});
  expect({"start", "weight", "edit"});
  EXPECT_EQ(world.state().weight_ppm, 600'000U);
}

TEST_P(TakenByTheDisk, HappensBeforeTheRolloutLeavesThePlan) {
  world.controller->set_plans({});
  world.controller->set_plans({plan_of(three_steps())});
  expect({"start", "weight"});
  EXPECT_EQ(world.state().weight_ppm, 600'000U);
}

}  // namespace
}  // namespace weir::analysis
