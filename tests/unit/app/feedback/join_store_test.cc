#include "app/feedback/join_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace weir::app {
namespace {

constexpr std::uint64_t kRollout = 77;
constexpr std::uint64_t kSmallest = 1;  // rounded up to what the store has at the least

std::uint64_t key(JoinKind kind, std::uint64_t number) { return join_key(kind, std::to_string(number)); }

Joinable request(std::uint64_t number, Arm arm = Arm::kBaseline, std::uint64_t session = 0) {
  Joinable out;
  out.of = {.service = 1,
            .version = 2,
            .step = static_cast<StepId>(number + 1),
            .epoch = 3,
            .arm = arm,
            .cluster = 9,
            .judged = true};
  out.rollout = kRollout;
  out.keys = {key(JoinKind::kRequest, number), key(JoinKind::kResponse, number), key(JoinKind::kTrace, number),
              session == 0 ? 0 : key(JoinKind::kSession, session)};
  return out;
}

StepId step_of(JoinStore& store, JoinKind kind, std::uint64_t number) {
  const JoinRecord* const record = store.find(kind, key(kind, number));
  return record == nullptr ? 0 : record->step;
}

JoinRecord::Turn turn_of(JoinStore& store, std::uint64_t number) {
  return store.find(JoinKind::kRequest, key(JoinKind::kRequest, number))->take_turn("name", "source");
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("join_store_test." + std::to_string(::getpid()))) {
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file() const { return path_ / "weir.db.joins"; }

 private:
  std::filesystem::path path_;
};

TEST(JoinStore, FindsARequestByEachOfItsIds) {
  JoinStore store("", kSmallest);
  store.add(request(5, Arm::kCandidate), 1000);
  for (const JoinKind kind : {JoinKind::kRequest, JoinKind::kResponse, JoinKind::kTrace}) {
    EXPECT_EQ(step_of(store, kind, 5), 6U) << static_cast<int>(kind);
    EXPECT_EQ(step_of(store, kind, 6), 0U);
  }
  const JoinRecord* const record = store.find(JoinKind::kTrace, key(JoinKind::kTrace, 5));
  EXPECT_EQ(record->rollout, kRollout);
  EXPECT_EQ(record->arm(), Arm::kCandidate);
  EXPECT_EQ(record->cluster, 9);
  EXPECT_TRUE(record->judged());
  EXPECT_EQ(record->second, 1000U);
  // One kind's id is no other's.
  EXPECT_EQ(store.find(JoinKind::kRequest, key(JoinKind::kTrace, 5)), nullptr);
}

TEST(JoinStore, ForgetsTheOldestFirstAndSaysWhom) {
  JoinStore store("", kSmallest);
  const std::uint64_t places = store.capacity();
  for (std::uint64_t i = 0; i < places; ++i) EXPECT_FALSE(store.add(request(i), 1000)) << i;
  for (std::uint64_t i = 0; i < 10; ++i) {
    const std::optional<JoinRecord> forgotten = store.add(request(places + i), 1000);
    ASSERT_TRUE(forgotten);
    EXPECT_EQ(forgotten->step, i + 1);
  }
  for (const JoinKind kind : {JoinKind::kRequest, JoinKind::kResponse, JoinKind::kTrace}) {
    EXPECT_EQ(step_of(store, kind, 9), 0U);
    std::uint64_t found = 0;
    for (std::uint64_t i = 10; i < places + 10; ++i) found += step_of(store, kind, i) == i + 1 ? 1 : 0;
    EXPECT_EQ(found, places);  // the index has room for all of them
  }
}

TEST(JoinStore, FillsItsRingAgainAndAgain) {
  JoinStore store("", kSmallest);
  const std::uint64_t many = 20 * store.capacity();
  for (std::uint64_t i = 0; i < many; ++i) store.add(request(i, Arm::kBaseline, i + 1), 1000);
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < many; ++i) found += step_of(store, JoinKind::kSession, i + 1) == i + 1 ? 1 : 0;
  // With all four keys the index is half full; of a thousand keys one or two may find no room.
  EXPECT_GE(found, store.capacity() * 995 / 1'000);
  EXPECT_LE(found, store.capacity());
}

TEST(JoinStore, WhoseDayIsOverIsNoLoss) {
  JoinStore store("", kSmallest);
  const std::uint64_t places = store.capacity();
  for (std::uint64_t i = 0; i < places; ++i) store.add(request(i), 1000);
  constexpr std::uint32_t kDay = 24 * 3600;
  EXPECT_TRUE(store.add(request(places), 1000 + kDay));
  EXPECT_FALSE(store.add(request(places + 1), 1001 + kDay));
}

TEST(JoinStore, ASessionIsItsNewestRequestAndSaysWhetherItMetBothVersions) {
  JoinStore store("", kSmallest);
  store.add(request(1, Arm::kBaseline, 42), 1000);
  store.add(request(2, Arm::kBaseline, 42), 1001);
  ASSERT_EQ(step_of(store, JoinKind::kSession, 42), 3U);
  EXPECT_FALSE(store.find(JoinKind::kSession, key(JoinKind::kSession, 42))->mixed(JoinKind::kSession));
  store.add(request(3, Arm::kCandidate, 42), 1002);
  store.add(request(4, Arm::kCandidate, 42), 1003);
  ASSERT_EQ(step_of(store, JoinKind::kSession, 42), 5U);
  EXPECT_FALSE(store.find(JoinKind::kRequest, key(JoinKind::kRequest, 4))->mixed(JoinKind::kRequest));
  EXPECT_TRUE(store.find(JoinKind::kSession, key(JoinKind::kSession, 42))->mixed(JoinKind::kSession));
}

TEST(JoinStore, IsThereAfterARestart) {
  const Folder folder;
  {
    JoinStore store(folder.file(), kSmallest);
    EXPECT_EQ(store.problem(), "");
    store.add(request(1, Arm::kCandidate, 42), 1000);
    EXPECT_EQ(turn_of(store, 1), JoinRecord::Turn::kFirst);
  }
  JoinStore store(folder.file(), kSmallest);
  ASSERT_EQ(step_of(store, JoinKind::kSession, 42), 2U);
  EXPECT_EQ(turn_of(store, 1), JoinRecord::Turn::kLater);
  store.add(request(2), 1001);
  EXPECT_EQ(step_of(store, JoinKind::kRequest, 1), 2U);
  EXPECT_EQ(step_of(store, JoinKind::kRequest, 2), 3U);
}

TEST(JoinStore, BeginsAnewWithAnotherSizeOrAFileThatIsNone) {
  const Folder folder;
  { JoinStore(folder.file(), kSmallest).add(request(1), 1000); }
  EXPECT_EQ(step_of(*std::make_unique<JoinStore>(folder.file(), 4 << 20), JoinKind::kRequest, 1), 0U);
  std::filesystem::remove(folder.file());
  std::FILE* const file = std::fopen(folder.file().c_str(), "w");
  std::fputs("something else", file);
  std::fclose(file);
  JoinStore store(folder.file(), kSmallest);
  EXPECT_EQ(store.problem(), "");
  store.add(request(1), 1000);
  EXPECT_EQ(step_of(store, JoinKind::kRequest, 1), 2U);
}

TEST(JoinStore, ReadsADamagedFileAsSomethingWrongAndNoWorse) {
  const Folder folder;
  { JoinStore(folder.file(), kSmallest).add(request(1), 1000); }
  const auto size = std::filesystem::file_size(folder.file());
  std::FILE* const file = std::fopen(folder.file().c_str(), "r+");
  std::fseek(file, 4096, SEEK_SET);
  for (std::uintmax_t i = 4096; i < size; ++i) std::fputc(0xff, file);
  std::fclose(file);
  JoinStore store(folder.file(), kSmallest);
  EXPECT_EQ(step_of(store, JoinKind::kRequest, 1), 0U);
  for (std::uint64_t i = 2; i < 10; ++i) store.add(request(i), 1000);
  EXPECT_EQ(step_of(store, JoinKind::kRequest, 9), 10U);
}

TEST(JoinStore, WorksInMemoryWhereItsFileCannotBe) {
  JoinStore store("/nowhere/at/all.joins", kSmallest);
  EXPECT_NE(store.problem().find("/nowhere/at/all.joins"), std::string::npos);
  store.add(request(1), 1000);
  EXPECT_EQ(step_of(store, JoinKind::kRequest, 1), 2U);
}

}  // namespace
}  // namespace weir::app
