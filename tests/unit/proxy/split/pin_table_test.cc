#include "proxy/split/pin_table.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/random.h"

namespace weir::proxy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr SteadyTime kStart{hours(100)};
constexpr std::uint64_t kKey = 0x123456789abcdef0;

// Of the same eight places in a table of 4 KiB, and told apart.
std::uint64_t neighbour(std::uint64_t i) { return kKey + (i << 40); }

VersionId version_at(PinTable& table, std::uint64_t key, SteadyTime now) {
  const std::optional<Pin> pin = table.find(key, now);
  return pin ? pin->version : kNoId;
}

TEST(PinTable, KeepsWhereAKeyStays) {
  PinTable table(4'096, hours(1));
  EXPECT_TRUE(table.empty());
  EXPECT_FALSE(table.find(kKey, kStart));
  EXPECT_EQ(table.keep(kKey, {.version = 7, .mark = 4'095}, kStart).pin.version, 7U);
  EXPECT_FALSE(table.empty());
  const std::optional<Pin> pin = table.find(kKey, kStart);
  ASSERT_TRUE(pin);
  EXPECT_EQ(pin->version, 7U);
  EXPECT_EQ(pin->mark, 4'095U);
  EXPECT_FALSE(table.find(neighbour(1), kStart));
  EXPECT_FALSE(table.find(0, kStart));
}

TEST(PinTable, KeepsWhatWasSaidFirstUntilItIsMoved) {
  PinTable table(4'096, hours(1));
  table.keep(kKey, {.version = 1, .mark = 5}, kStart);
  const PinTable::Kept kept = table.keep(kKey, {.version = 2, .mark = 6}, kStart);
  EXPECT_EQ(kept.pin.version, 1U);
  EXPECT_EQ(kept.pin.mark, 5U);
  EXPECT_EQ(version_at(table, kKey, kStart), 1U);
  table.move(kKey, {.version = 2}, kStart);
  EXPECT_EQ(version_at(table, kKey, kStart), 2U);
}

TEST(PinTable, ForgetsWhatIsNotAskedFor) {
  PinTable table(4'096, hours(1));
  table.keep(kKey, {.version = 1}, kStart);
  SteadyTime now = kStart;
  for (int i = 0; i < 10; ++i) {  // whoever asks keeps it
    now += minutes(50);
    EXPECT_EQ(version_at(table, kKey, now), 1U);
  }
  now += minutes(63);
  EXPECT_FALSE(table.find(kKey, now));
  EXPECT_EQ(table.keep(kKey, {.version = 2}, now).pin.version, 2U) << "it is assigned anew";
  EXPECT_EQ(version_at(table, kKey, now), 2U);
}

TEST(PinTable, AWorkerMayBeALittleBehindAnother) {
  PinTable table(4'096, seconds(32));
  table.keep(kKey, {.version = 1}, kStart + seconds(2));
  EXPECT_EQ(version_at(table, kKey, kStart), 1U);
  EXPECT_EQ(version_at(table, kKey, kStart + seconds(33)), 1U) << "and does not make it older";
}

TEST(PinTable, ForgetsTheOneLongestNotAskedForWhereThereIsNoRoom) {
  PinTable table(4'096, hours(1));
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_FALSE(table.keep(neighbour(i), {.version = 1}, kStart + minutes(2 * i)).forgot);
  }
  SteadyTime now = kStart + minutes(20);
  EXPECT_TRUE(table.find(neighbour(0), now));
  EXPECT_TRUE(table.keep(neighbour(8), {.version = 2}, now).forgot);
  EXPECT_FALSE(table.find(neighbour(1), now));
  EXPECT_TRUE(table.find(neighbour(0), now));
  EXPECT_TRUE(table.find(neighbour(8), now));
  // What is over makes room for nothing.
  now += hours(2);
  EXPECT_FALSE(table.keep(neighbour(9), {.version = 3}, now).forgot);
  EXPECT_TRUE(table.find(neighbour(9), now));
}

TEST(PinTable, KeepsNoVersionThatDoesNotFit) {
  PinTable table(4'096, hours(1));
  EXPECT_EQ(table.keep(kKey, {.version = 3'070}, kStart).pin.version, 3'070U);
  EXPECT_EQ(version_at(table, kKey, kStart), 3'070U);
  EXPECT_EQ(table.keep(neighbour(1), {.version = 3'071}, kStart).pin.version, 3'071U);
  EXPECT_FALSE(table.find(neighbour(1), kStart));
}

TEST(PinTable, HoldsAlmostAllThatItHasRoomFor) {
  PinTable table(1 << 20, hours(1));
  Random random(7);
  std::vector<std::uint64_t> keys;
  for (int i = 0; i < 1 << 16; ++i) keys.push_back(random.next());  // half of its places
  for (const std::uint64_t key : keys) table.keep(key, {.version = static_cast<VersionId>(key % 100)}, kStart);
  std::size_t known = 0;
  std::size_t wrong = 0;
  for (const std::uint64_t key : keys) {
    const VersionId version = version_at(table, key, kStart);
    known += version == kNoId ? 0 : 1;
    wrong += version == kNoId || version == key % 100 ? 0 : 1;
  }
  EXPECT_GT(known, keys.size() * 98 / 100);
  EXPECT_LT(wrong, 3U);
}

// All workers say of one key where it stays, at once: it stays in one place for all of them.
TEST(PinTable, TellsAllWorkersTheSame) {
  constexpr std::uint64_t kKeys = 2'000;
  constexpr VersionId kWorkers = 4;
  PinTable table(1 << 20, hours(1));
  std::vector<std::vector<VersionId>> kept(kWorkers);
  std::vector<std::thread> workers;
  for (VersionId worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([&, worker] {
      Random keys(3);
      for (std::uint64_t i = 0; i < kKeys; ++i) {
        kept[worker].push_back(table.keep(keys.next(), {.version = worker}, kStart).pin.version);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  Random keys(3);
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    const VersionId version = version_at(table, keys.next(), kStart);
    for (const auto& one : kept) ASSERT_EQ(one[i], version) << i;
  }
}

}  // namespace
}  // namespace weir::proxy
