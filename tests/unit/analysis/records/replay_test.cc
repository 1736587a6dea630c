// What is recorded of a rollout is enough to make each of its decisions again, to the last bit.
#include "analysis/records/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "analysis/records/recording.h"
#include "analysis/records/segment.h"
#include "tests/unit/analysis/records/recorded.h"
#include "tests/unit/analysis/rollout/world.h"

namespace weir::analysis {
namespace {

using testing::of;
using testing::policy;
using testing::Recorded;
using testing::words;
using Kind = ReplayEvent::Kind;

// Everything that was decided, as the history has it, is decided again.
void expect_same(const Replayed& replayed, const Controller& controller) {
  EXPECT_THAT(replayed.problems, ::testing::IsEmpty());
  for (const ReplayEvent* event : of(replayed, Kind::kDiverged)) {
    ADD_FAILURE() << event->words << "\n" << json::write(event->record);
  }
  std::vector<std::string> decided;
  for (const ReplayEvent* event : of(replayed, Kind::kDecided)) {
    EXPECT_EQ(event->again, event->ours) << json::write(event->record);
    if (!event->withdrawn) decided.push_back(json::write(event->record));
  }
  std::vector<std::string> history;
  for (const json::Value& record : controller.history()) history.push_back(json::write(record));
  EXPECT_EQ(decided, history);
}

TEST(Replay, MakesTheDecisionsOfAHealthyRolloutAgain) {
  Recorded run({});
  run.tick_for(std::chrono::hours(2), [&] { return run.is(Phase::kPromoted); });
  ASSERT_TRUE(run.is(Phase::kPromoted));
  const Replayed replayed = run.replay();
  expect_same(replayed, run.world().controller());
  EXPECT_GE(replayed.frames_equal, 3U);
  std::uintmax_t size = 0;
  for (const std::string& segment : segments_in(run.folder())) size += std::filesystem::file_size(segment);
  std::printf("%.0f bytes a tick of 20 requests\n", static_cast<double>(size) / static_cast<double>(replayed.ticks));
  EXPECT_GE(of(replayed, Kind::kDecided).size(), 4U);
}

TEST(Replay, MakesARollbackAgain) {
  sim::Regression regression;
  regression.errors.extra = 0.05;
  regression.after = std::chrono::seconds(60);
  Recorded run(regression);
  run.tick_for(std::chrono::hours(1), [&] { return run.is(Phase::kRolledBack); });
  ASSERT_TRUE(run.is(Phase::kRolledBack));
  const Replayed replayed = run.replay();
  expect_same(replayed, run.world().controller());
  const json::Value& last = of(replayed, Kind::kDecided).back()->record;
  EXPECT_EQ(last["decision"].string(), "rollback");
  EXPECT_GE(last["evidence_rollback"].number(), 100);
}

// What the baseline's ratio was, and by what its values are scaled, comes of the same records.
TEST(Replay, MakesARollbackByARatioAgain) {
  sim::Regression regression;
  regression.latency_factor = 1.5;
  regression.after = std::chrono::seconds(100);
  config::Rollout plan = policy();
  plan.analysis.guards = {*config::default_guard("tokensPerSecond", 0), *config::default_guard("costPer1kTokens", 0)};
  Recorded run(regression, 1U << 30, 7, plan);
  run.tick_for(std::chrono::hours(1), [&] { return run.is(Phase::kRolledBack); });
  ASSERT_TRUE(run.is(Phase::kRolledBack));
  const Replayed replayed = run.replay();
  expect_same(replayed, run.world().controller());
  EXPECT_GE(replayed.frames_equal, 1U);
  EXPECT_THAT(of(replayed, Kind::kDecided).back()->record["reason"].string(),
              ::testing::StartsWith("tokensPerSecond: candidate "));
}

// What is spent is part of what each frame says, and of each record.
TEST(Replay, MakesARollbackByABudgetAgain) {
  for (const bool judged : {true, false}) {
    sim::Regression regression;
    regression.errors.extra = 0.05;
    regression.after = std::chrono::seconds(10);
    config::Rollout plan = policy();
    plan.analysis.enabled = judged;
    for (config::Guard& guard : plan.analysis.guards) guard.action = config::GuardAction::kWarn;
    plan.max_exposure.excess_failures = 20;
    Recorded run(regression, 1U << 30, 7, plan);
    run.tick_for(std::chrono::hours(1), [&] { return run.is(Phase::kRolledBack); });
    ASSERT_TRUE(run.is(Phase::kRolledBack)) << judged;
    const Replayed replayed = run.replay();
    expect_same(replayed, run.world().controller());
    EXPECT_EQ(of(replayed, Kind::kDecided).back()->record["rule"].string(), "budget");
    EXPECT_GE(replayed.frames_equal, 1U);
  }
}

// A report is made of what the judge knows, the split among it.
TEST(Replay, MakesAReportOfTheBaselineAgainstItselfAgain) {
  config::Rollout plan = policy();
  plan.strategy = config::Strategy::kAa;
  plan.candidate = plan.baseline;
  config::Hold hold;
  hold.at_least = std::chrono::seconds(100);
  hold.at_most = config::kNever;
  hold.min_requests = 0;
  plan.steps = {{.weight_ppm = 500'000, .stages = {hold}}};
  Recorded run({}, 1U << 30, 7, plan);
  run.tick_for(std::chrono::seconds(150));
  const Replayed replayed = run.replay();
  expect_same(replayed, run.world().controller());
  const json::Value& report = of(replayed, Kind::kDecided).back()->record;
  EXPECT_EQ(report["decision"].string(), "report");
  const json::Value& split = report["aa"]["split"];
  EXPECT_EQ(split["unit"].string(), "users");
  EXPECT_GT(split["candidate"].integer(), 500);
  EXPECT_THAT(split["says"].string(), ::testing::MatchesRegex("[0-9,]+ of [0-9,]+ users in the second arm, "
                                                              "[0-9.]+% where 50% is due"));
  EXPECT_THAT(report["reason"].string(), ::testing::EndsWith("; split: " + split["says"].string()));
}

TEST(Replay, GoesFromAnyTimeOn) {
  Recorded run({});
  run.tick_for(std::chrono::hours(2), [&] { return run.is(Phase::kPromoted); });
  const Replayed whole = run.replay();
  const std::vector<const ReplayEvent*> decided = of(whole, Kind::kDecided);
  ASSERT_EQ(decided.size(), 4U);
  // Just before, and between two: what is asked for is judged again, and no more is told of.
  const Replayed last = run.replay({.from_ms = decided.back()->unix_ms});
  ASSERT_EQ(of(last, Kind::kDecided).size(), 1U);
  EXPECT_TRUE(of(last, Kind::kDecided).front()->again);
  EXPECT_LT(last.ticks, whole.ticks);
  const Replayed middle = run.replay({.from_ms = decided[1]->unix_ms - 5'000, .to_ms = decided[2]->unix_ms});
  EXPECT_EQ(of(middle, Kind::kDecided).size(), 2U);
  EXPECT_THAT(of(middle, Kind::kDiverged), ::testing::IsEmpty());
}

// Whole decisions are lost with the oldest segments, and those that are left are the same.
TEST(Replay, GoesOnWithWhatATinyLimitLeaves) {
  constexpr std::uint64_t kLimit = 600'000;
  Recorded run({}, kLimit);
  run.tick_for(std::chrono::hours(2), [&] { return run.is(Phase::kPromoted); });
  const Replayed replayed = run.replay();
  std::uintmax_t size = 0;
  for (const std::string& segment : segments_in(run.folder())) size += std::filesystem::file_size(segment);
  EXPECT_LE(size, kLimit);
  EXPECT_THAT(of(replayed, Kind::kDiverged), ::testing::IsEmpty());
  EXPECT_THAT(of(replayed, Kind::kGap), ::testing::IsEmpty());
  const std::vector<const ReplayEvent*> decided = of(replayed, Kind::kDecided);
  ASSERT_FALSE(decided.empty());
  EXPECT_LT(decided.size(), run.world().controller().history().size());
  EXPECT_EQ(json::write(decided.back()->record), json::write(run.world().controller().history().back()));
  for (const ReplayEvent* event : decided) EXPECT_EQ(event->again, event->ours);
}

TEST(Replay, TellsOfAGapAndGoesOnBehindIt) {
  Recorded run({}, 600'000);
  run.tick_for(std::chrono::minutes(10));
  const std::vector<std::string> segments = segments_in(run.folder());
  ASSERT_GE(segments.size(), 4U);
  std::filesystem::remove(segments[segments.size() - 2]);
  const Replayed replayed = run.replay();
  ASSERT_EQ(of(replayed, Kind::kGap).size(), 1U);
  EXPECT_THAT(of(replayed, Kind::kGap).front()->words, ::testing::HasSubstr("records are missing"));
  EXPECT_EQ(of(replayed, Kind::kBegins).size(), 2U);
  EXPECT_THAT(of(replayed, Kind::kDiverged), ::testing::IsEmpty());
}

// A kill leaves the last block without its end.
TEST(Replay, LeavesOutABlockThatIsNotWhole) {
  Recorded run({});
  run.tick_for(std::chrono::minutes(2));
  run.replay();  // all of it is written
  const std::string last = segments_in(run.folder()).back();
  std::filesystem::resize_file(last, std::filesystem::file_size(last) - 7);
  const Replayed replayed = run.replay();
  EXPECT_THAT(replayed.problems, ::testing::ElementsAre(::testing::HasSubstr("no whole block")));
  EXPECT_THAT(of(replayed, Kind::kDiverged), ::testing::IsEmpty());
  EXPECT_GT(replayed.ticks, 1'000U);
}

// What it says is replayed, and nobody takes that for all: of a whole segment nothing is known.
TEST(Replay, TellsOfASegmentWhoseHeadIsDamaged) {
  Recorded run({});
  run.tick_for(std::chrono::minutes(2));
  run.replay();  // all of it is written
  const std::string copy = run.folder() + "/0000000099.records";
  std::filesystem::copy_file(segments_in(run.folder()).at(0), copy);
  const auto replay_with = [&](std::streamoff at, char byte) {
    std::fstream(copy, std::ios::in | std::ios::out | std::ios::binary).seekp(at).put(byte);
    return run.replay();
  };
  constexpr std::streamoff kRunAt = 22 + 8;
  const Replayed of_another_run = replay_with(kRunAt + 7, 'X');
  EXPECT_TRUE(of_another_run.damaged);
  EXPECT_THAT(of_another_run.problems, ::testing::ElementsAre(copy + ": its head is damaged, and it was left out"));
  EXPECT_THAT(of(of_another_run, Kind::kRestart), ::testing::IsEmpty());
  const Replayed replayed = replay_with(3, 'X');
  EXPECT_TRUE(replayed.damaged);
  EXPECT_THAT(replayed.problems, ::testing::ElementsAre(::testing::HasSubstr("no decision records of a weir")));
  EXPECT_GT(replayed.ticks, 1'000U);
  // A kill as it began leaves less, and takes nothing away.
  std::filesystem::copy_file(segments_in(run.folder()).at(0), copy, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::resize_file(copy, 40);
  const Replayed begun = run.replay();
  EXPECT_FALSE(begun.damaged);
  EXPECT_THAT(begun.problems, ::testing::ElementsAre(::testing::HasSubstr("only begun")));
}

// One bit in the midst: the rest goes on, and nobody takes what is left for all.
TEST(Replay, GoesOnBehindDamageAndTellsOfIt) {
  Recorded run({});
  run.tick_for(std::chrono::hours(2), [&] { return run.is(Phase::kPromoted); });
  const Replayed whole = run.replay();
  EXPECT_FALSE(whole.damaged);
  const std::string path = segments_in(run.folder()).at(0);
  // In the midst of the first step.
  const std::int64_t begins_ms = of(whole, Kind::kDecided).front()->unix_ms;
  SegmentReader reader(path);
  std::uintmax_t at = 100;
  for (std::string block = *reader.next(); BlockReader(block).head().unix_ms < begins_ms + 5'000;
       block = *reader.next()) {
    at += block.size() + 16;
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const int was = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(was ^ 1));
  file.close();
  const Replayed replayed = run.replay();
  EXPECT_TRUE(replayed.damaged);
  EXPECT_THAT(replayed.problems, ::testing::ElementsAre(::testing::HasSubstr("bytes in the midst of it are damaged")));
  ASSERT_EQ(of(replayed, Kind::kGap).size(), 1U);
  EXPECT_THAT(of(replayed, Kind::kDiverged), ::testing::IsEmpty());
  // All decisions are there; those from which nothing is missing are made again.
  const std::vector<const ReplayEvent*> decided = of(replayed, Kind::kDecided);
  ASSERT_EQ(decided.size(), of(whole, Kind::kDecided).size());
  for (std::size_t i = 0; i < decided.size(); ++i) {
    EXPECT_EQ(json::write(decided[i]->record), json::write(of(whole, Kind::kDecided)[i]->record));
    EXPECT_EQ(decided[i]->blind, i == 1);
    EXPECT_EQ(decided[i]->again, i > 1);
  }
}

// The frame before it is read, and is not what was asked for.
TEST(Replay, ReachesNothingBehindTheLastTick) {
  Recorded run({});
  run.tick_for(std::chrono::minutes(1));
  const std::int64_t last_ms = run.replay().to_ms;
  EXPECT_TRUE(run.replay({.from_ms = last_ms}).reached);
  const Replayed behind = run.replay({.from_ms = last_ms + 1});
  EXPECT_TRUE(behind.found);
  EXPECT_FALSE(behind.reached);
}

// What is decided otherwise than it was is not passed over.
TEST(Replay, SeesADecisionThatIsNoLongerMade) {
  testing::Folder folder;
  const auto changed = [&](const std::function<void(ByteWriter&, const Entry&)>& write) {
    Recorded run({});
    run.tick_for(std::chrono::minutes(5), [&] { return run.world().rollout().state().weight_ppm > 100'000; });
    run.replay();
    SegmentReader reader(segments_in(run.folder()).at(0));
    SegmentWriter writer(folder.in("changed"), 1U << 30);
    EXPECT_EQ(writer.begin(reader.run()), "");
    while (const std::optional<std::string> block = reader.next()) {
      BlockReader entries(*block);
      ByteWriter out;
      while (const std::optional<Entry> entry = entries.next()) write(out, *entry);
      EXPECT_EQ(writer.append(block_of(entries.head(), out.take())), "");
    }
    ReplaySpec spec;
    spec.service = "chat";
    return analysis::replay(spec, {segments_in(folder.in("changed")).back()});
  };
  const auto copy = [](ByteWriter& out, const Entry& entry) {
    if (entry.kind == EntryKind::kTick) return write_tick(out, entry.dt, entry.open);
    write_entry(out, entry.kind, entry.rollout, entry.body);
  };
  EXPECT_THAT(of(changed(copy), Kind::kDiverged), ::testing::IsEmpty());
  int inputs = 0;
  const Replayed without_one = changed([&](ByteWriter& out, const Entry& entry) {
    if (entry.kind != EntryKind::kInput || ++inputs != 100) copy(out, entry);
  });
  EXPECT_THAT(words(without_one, Kind::kDiverged),
              ::testing::Contains(::testing::HasSubstr("the judge knew something else")));
  const Replayed undecided = changed([&](ByteWriter& out, const Entry& entry) {
    if (entry.kind == EntryKind::kProposed && read_proposed(entry.body)->ours) return;
    copy(out, entry);
  });
  EXPECT_THAT(words(undecided, Kind::kDiverged), ::testing::Contains(::testing::HasSubstr("nothing was decided here")));
}

// Operators, a disk that hangs, an edit, a restart: whatever is decided in between is decided again.
TEST(Replay, FollowsWhatIsNotDecidedOnTheEvidence) {
  using Verb = Command::Verb;
  const testing::Folder folder;
  testing::World world;
  const auto recording = [&](std::uint64_t run) {
    return std::make_unique<Recording>(world.clock,
                                       Recording::Spec{.folder = folder.in("records"), .limit = 1U << 30, .run = run});
  };
  std::unique_ptr<Recording> first = recording(1);
  world.recorder = first.get();
  world.start({testing::plan_of(testing::three_steps())});
  ASSERT_TRUE(world.tick_until_weight(testing::kFirst));
  world.say(Verb::kPause);
  world.tick(5);
  world.say(Verb::kResume);
  ASSERT_TRUE(world.tick_until_weight(testing::kSecond));
  // The disk hangs: what would climb is withdrawn, and a rollback does not wait.
  world.works = false;
  world.tick(100);
  world.mood = testing::Mood::kFailing;
  ASSERT_TRUE(world.tick_until(Phase::kRolledBack));
  world.works = true;
  world.mood = testing::Mood::kHealthy;
  world.tick(3);
  world.say(Verb::kRetry);
  ASSERT_TRUE(world.tick_until_weight(testing::kFirst));
  config::Rollout edited = testing::three_steps();
  edited.analysis.max_false_rollback = 0.05;
  edited.analysis.guards[0].absolute = 0.002;
  world.controller->set_plans({testing::plan_of(edited)});
  world.say(Verb::kWeight, 200'000);
  world.tick(30);
  world.controller->save();
  world.tick(3);
  const std::size_t before = world.controller->history().size();
  world.controller.reset();
  first.reset();
  std::unique_ptr<Recording> second = recording(2);
  world.recorder = second.get();
  world.start({testing::plan_of(edited)});
  ASSERT_TRUE(world.tick_until(Phase::kPromoted));
  second->flush();
  second.reset();
  world.recorder = nullptr;
  ReplaySpec spec;
  spec.service = "chat";
  const Replayed replayed = analysis::replay(spec, segments_in(folder.in("records")));
  EXPECT_THAT(replayed.problems, ::testing::IsEmpty());
  for (const ReplayEvent* event : of(replayed, Kind::kDiverged)) {
    ADD_FAILURE() << event->words << "\n" << json::write(event->record);
  }
  EXPECT_EQ(of(replayed, Kind::kRestart).size(), 1U);
  std::vector<std::string> decided;
  std::size_t ours = 0;
  for (const ReplayEvent* event : of(replayed, Kind::kDecided)) {
    EXPECT_EQ(event->again, event->ours) << json::write(event->record);
    ours += event->ours ? 1 : 0;
    if (!event->withdrawn) decided.push_back(event->record["decision"].string());
  }
  EXPECT_EQ(decided, world.decisions());
  EXPECT_GT(decided.size(), before);
  EXPECT_GE(ours, 4U);
}

// A disk that fails takes records, and nothing else; once it is well, they begin anew.
TEST(Recording, LosesTicksWhileTheDiskFails) {
  const testing::Folder folder;
  const std::string records = folder.in("records");
  std::ofstream(records) << "a file where the folder should be";
  ManualClock clock;
  Recording recording(clock, {.folder = records, .limit = 1U << 30, .run = 1});
  const auto ticks = [&](int count) {
    for (int i = 0; i < count; ++i) {
      clock.advance(Milliseconds(100));
      recording.begin_tick(Milliseconds(100), true);
      recording.end_tick();
      while (!recording.idle()) std::this_thread::yield();
    }
  };
  ticks(30);
  EXPECT_EQ(recording.health().ticks_lost, 30U);
  EXPECT_THAT(recording.health().problem, ::testing::HasSubstr("Not a directory"));
  std::filesystem::remove(records);
  ticks(100);
  EXPECT_EQ(recording.health().problem, "");
  const std::uint64_t lost = recording.health().ticks_lost;
  EXPECT_LT(lost, 100U);
  ticks(100);
  EXPECT_EQ(recording.health().ticks_lost, lost);
  EXPECT_GT(recording.health().bytes_written, 0U);
}

}  // namespace
}  // namespace weir::analysis
