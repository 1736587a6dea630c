// What SQLite would take for nothing, and what is written while the database takes nothing.
#include "analysis/store/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/analysis/store/state_file.h"

namespace weir::analysis {
namespace {

namespace fs = std::filesystem;
using testing::decision;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kAllRecords;
using testing::key_of;
using ::testing::SizeIs;
using testing::StateFile;

const StateWrite kProof;

Storage::Opened open(const std::string& path) { return Storage::open(path, "pid 7", kAllRecords); }

bool write(Storage& storage, const std::vector<StateWrite>& writes) {
  return storage.write(writes, {}).done && storage.confirm().empty();
}

StateWrite rollback_of(const std::string& service) {
  StateWrite write = decision(service, "rolled back", "rollback of " + service);
  write.closes = true;
  return write;
}

// As kill -9 leaves it: the log is not in the database yet. Twelve writes.
class Killed {
 public:
  Killed() {
    const Storage::Opened opened = open(living_.path());
    for (int i = 0; i < 12; ++i) {
      EXPECT_TRUE(write(*opened.storage, {decision("chat", "state " + std::to_string(i), std::to_string(i)), kProof}));
    }
    for (const char* part : {"", "-wal", ".mark"}) fs::copy_file(living_.path() + part, file.path() + part);
  }
  std::string bytes(const std::string& part) const {
    std::ifstream in(file.path() + part, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& part, const std::string& bytes) const {
    std::ofstream(file.path() + part, std::ios::binary | std::ios::trunc) << bytes;
  }
  void flip(const std::string& part, std::size_t at) const {
    std::string all = bytes(part);
    all.at(at) = static_cast<char>(all.at(at) ^ 4);
    put(part, all);
  }

  StateFile file;

 private:
  StateFile living_;
};

// The whole log in the database, and nothing else there.
void close(const Killed& killed) { EXPECT_TRUE(write(*open(killed.file.path()).storage, {kProof})); }

void expect_lost(const StateFile& file) {
  {
    const Storage::Opened opened = open(file.path());
    ASSERT_NE(opened.storage, nullptr);
    EXPECT_THAT(opened.lost, HasSubstr("damaged"));
    EXPECT_THAT(opened.contents.rollouts, IsEmpty());
    EXPECT_THAT(opened.contents.records, IsEmpty());
  }
  {
    const Storage::Opened again = open(file.path());
    EXPECT_NE(again.lost, "") << "nothing was written since";
    ASSERT_TRUE(write(*again.storage, {decision("chat", "lost", "state lost")}));
  }
  {
    const Storage::Opened half = open(file.path());
    EXPECT_NE(half.lost, "") << "there may have been other rollouts";
    EXPECT_THAT(half.contents.rollouts, SizeIs(1));
    ASSERT_TRUE(write(*half.storage, {decision("search", "lost", "state lost"), kProof}));
  }
  const Storage::Opened whole = open(file.path());
  EXPECT_EQ(whole.lost, "");
  EXPECT_THAT(whole.contents.records, ElementsAre("state lost", "state lost"));
}

TEST(StorageDamage, WhatAKillLeavesIsBelieved) {
  const Killed killed;
  const Storage::Opened opened = open(killed.file.path());
  EXPECT_EQ(opened.lost, "");
  EXPECT_THAT(opened.contents.records, SizeIs(12));
  EXPECT_EQ(opened.contents.version.generation, 12U);
}

TEST(StorageDamage, IsFoundWhereSqliteFindsNothing) {
  const std::function<void(const Killed&)> damages[] = {
      [](const Killed& killed) { killed.flip("-wal", 32 + 24 + 100); },
      [](const Killed& killed) { killed.flip("-wal", killed.bytes("-wal").size() / 2); },
      [](const Killed& killed) { killed.flip("-wal", killed.bytes("-wal").size() - 100); },
      [](const Killed& killed) { killed.put("-wal", ""); },
      [](const Killed& killed) { fs::remove(killed.file.path() + "-wal"); },
      [](const Killed& killed) { killed.put("", ""); },
      [](const Killed& killed) { fs::remove(killed.file.path()); },
      [](const Killed& killed) {
        close(killed);
        killed.put("", "");
      },
      [](const Killed& killed) {
        close(killed);
        fs::remove(killed.file.path());
      },
      [](const Killed& killed) {
        close(killed);
        killed.flip("", killed.bytes("").find("state TEXT"));
      },
      [](const Killed& killed) {
        close(killed);
        killed.flip("", killed.bytes("").find("record TEXT"));
      },
      [](const Killed& killed) { killed.put(".mark", std::string(8'192, '\0')); },
  };
  for (std::size_t i = 0; i < std::size(damages); ++i) {
    SCOPED_TRACE("damage " + std::to_string(i));
    const Killed killed;
    damages[i](killed);
    expect_lost(killed.file);
  }
}

TEST(StorageDamage, AFileOfAnotherTimeIsNotBelieved) {
  const Killed killed;
  close(killed);
  const std::string old = killed.bytes("");
  ASSERT_TRUE(write(*open(killed.file.path()).storage, {decision("chat", "newer", "newer")}));
  killed.put("", old);
  expect_lost(killed.file);
}

TEST(StorageDamage, ALogWhoseFileIsGoneIsKeptAside) {
  const Killed killed;
  const std::string log = killed.bytes("-wal");
  killed.put("", "");
  const Storage::Opened opened = open(killed.file.path());
  ASSERT_THAT(killed.file.damaged(), SizeIs(1));
  EXPECT_EQ(fs::file_size(killed.file.damaged()[0] + "-wal"), log.size());
}

TEST(StorageDamage, ADamagedLogIsKeptAside) {
  const Killed killed;
  killed.flip("-wal", killed.bytes("-wal").size() / 2);
  const std::string log = killed.bytes("-wal");
  const Storage::Opened opened = open(killed.file.path());
  ASSERT_THAT(killed.file.damaged(), SizeIs(1));
  std::ifstream in(killed.file.damaged()[0] + "-wal", std::ios::binary);
  EXPECT_TRUE(log == std::string(std::istreambuf_iterator<char>(in), {}));
}

TEST(StorageDamage, AStartThatFailsAgainLeavesNothingMoreBehind) {
  const Killed killed;
  close(killed);
  killed.put("", "");
  for (int i = 0; i < 3; ++i) EXPECT_NE(open(killed.file.path()).lost, "");
  EXPECT_THAT(killed.file.damaged(), IsEmpty());
}

TEST(StorageDamage, BeginsAnewWithoutDatabaseAndMark) {
  const Killed killed;
  for (const char* part : {"", "-wal", ".mark"}) fs::remove(killed.file.path() + part);
  EXPECT_EQ(open(killed.file.path()).lost, "");
}

TEST(StorageDamage, AnOlderFileWithoutAMarkIsBelievedAndMarked) {
  const Killed killed;
  fs::remove(killed.file.path() + ".mark");
  {
    const Storage::Opened opened = open(killed.file.path());
    EXPECT_EQ(opened.lost, "");
    EXPECT_THAT(opened.contents.records, SizeIs(12));
    ASSERT_TRUE(write(*opened.storage, {kProof}));
  }
  killed.put("", "");
  expect_lost(killed.file);
}

TEST(StorageDamage, WithoutAMarkALossIsMarkedBeforeTheFileIsSetAside) {
  const Killed killed;
  close(killed);
  fs::remove(killed.file.path() + ".mark");
  killed.put("", std::string(9'000, '#'));
  EXPECT_THAT(open(killed.file.path()).lost, HasSubstr("damaged"));
  EXPECT_THAT(killed.file.damaged(), SizeIs(1));
  EXPECT_NE(open(killed.file.path()).lost, "") << "the file has another name, and is not forgotten";
}

TEST(Storage, AFileThatCanBeReadAgainIsSetAsideBeforeTheFirstWrite) {
  const Killed killed;
  const std::string hidden = killed.file.path() + "-hidden";
  fs::rename(killed.file.path(), hidden);
  fs::create_directory(killed.file.path());
  const Storage::Opened opened = open(killed.file.path());
  EXPECT_THAT(opened.lost, HasSubstr("could not be read"));
  EXPECT_FALSE(opened.storage->write(std::vector{kProof}, {}).done);
  fs::remove(killed.file.path());
  fs::rename(hidden, killed.file.path());
  EXPECT_TRUE(write(*opened.storage, {decision("chat", "lost", "state lost"), kProof}));
  ASSERT_THAT(killed.file.damaged(), SizeIs(1));
  EXPECT_THAT(opened.storage->notice(), HasSubstr(killed.file.damaged()[0]));
}

TEST(Storage, AFileThatIsRemovedIsWrittenAnewWithAllThatItHeld) {
  const Killed killed;
  Storage::Opened opened = open(killed.file.path());
  ASSERT_TRUE(write(*opened.storage, {kProof}));
  for (const char* part : {"", "-wal", "-shm"}) fs::remove(killed.file.path() + part);
  ASSERT_TRUE(write(*opened.storage, {decision("search", "new", "new")}));
  EXPECT_THAT(opened.storage->notice(), HasSubstr("removed"));
  opened.storage.reset();
  const Storage::Opened again = open(killed.file.path());
  EXPECT_EQ(again.lost, "");
  EXPECT_THAT(again.contents.rollouts, SizeIs(2));
  EXPECT_THAT(again.contents.records, SizeIs(13));
}

TEST(Storage, ALogThatIsRemovedLosesNothing) {
  const Killed killed;
  const StateFile copy;
  Storage::Opened opened = open(killed.file.path());
  ASSERT_TRUE(write(*opened.storage, {kProof}));
  for (const char* part : {"-wal", "-shm"}) fs::remove(killed.file.path() + part);
  ASSERT_TRUE(write(*opened.storage, {decision("search", "new", "new")}));
  EXPECT_THAT(opened.storage->notice(), HasSubstr("lost its log"));
  // As a kill would leave it.
  for (const char* part : {"", "-wal", ".mark"}) fs::copy_file(killed.file.path() + part, copy.path() + part);
  const Storage::Opened again = open(copy.path());
  EXPECT_EQ(again.lost, "");
  EXPECT_THAT(again.contents.rollouts, SizeIs(2));
  EXPECT_THAT(again.contents.records, SizeIs(13));
}

TEST(Storage, ARollbackThatTheDatabaseDoesNotTakeIsInTheMark) {
  const Killed killed;
  {
    const Storage::Opened opened = open(killed.file.path());
    ASSERT_TRUE(write(*opened.storage, {decision("search", "running", "start"), kProof}));
  }
  {
    const Storage::Opened opened = open(killed.file.path());
    killed.file.execute("CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'full'); END");
    const Database::Written written = opened.storage->write(std::vector{rollback_of("chat")}, {});
    EXPECT_FALSE(written.done);
    EXPECT_FALSE(opened.storage->forgets_rollbacks());
  }
  killed.file.execute("DROP TRIGGER full");
  Storage::Opened opened = open(killed.file.path());
  EXPECT_EQ(opened.lost, "");
  ASSERT_THAT(opened.contents.rollouts, SizeIs(2));
  for (const StoredRollout& rollout : opened.contents.rollouts) {
    EXPECT_EQ(rollout.closed, rollout.key.service == "chat");
  }
  ASSERT_TRUE(write(*opened.storage, {kProof, decision("search", "running", {})}));
  opened.storage.reset();
  opened = open(killed.file.path());
  EXPECT_TRUE(opened.contents.rollouts[0].closed) << "until something is written of it";
  ASSERT_TRUE(write(*opened.storage, {rollback_of("chat")}));
  opened.storage.reset();
  opened = open(killed.file.path());
  EXPECT_FALSE(opened.contents.rollouts[0].closed);
}

TEST(Storage, MoreRollbacksThanTheMarkHoldsCloseEverything) {
  const Killed killed;
  {
    const Storage::Opened opened = open(killed.file.path());
    killed.file.execute("CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'full'); END");
    std::vector<StateWrite> all;
    for (std::size_t i = 0; i <= Mark::kMostClosed; ++i) all.push_back(rollback_of("service " + std::to_string(i)));
    EXPECT_FALSE(opened.storage->write(all, {}).done);
  }
  killed.file.execute("DROP TRIGGER full");
  const Storage::Opened opened = open(killed.file.path());
  ASSERT_THAT(opened.contents.rollouts, SizeIs(1));
  EXPECT_TRUE(opened.contents.rollouts[0].closed);
}

TEST(Storage, SaysWhenARollbackCanBeKeptNowhere) {
  const Killed killed;
  const Storage::Opened opened = open(killed.file.path());
  killed.file.execute("CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'full'); END");
  fs::remove(killed.file.path() + ".mark");
  fs::create_directory(killed.file.path() + ".mark");
  const Database::Written written = opened.storage->write(std::vector{rollback_of("chat")}, {});
  EXPECT_TRUE(opened.storage->forgets_rollbacks());
  EXPECT_THAT(written.error, HasSubstr("nor can rollbacks be kept"));
}

TEST(Storage, WhatIsNoLongerWantedIsNotWritten) {
  const Killed killed;
  const Storage::Opened opened = open(killed.file.path());
  const Database::Written written =
      opened.storage->write(std::vector{decision("chat", "higher", "weight 60")}, [] { return false; });
  EXPECT_TRUE(written.unwanted);
  EXPECT_FALSE(written.done);
  EXPECT_EQ(written.error, "");
  EXPECT_TRUE(write(*opened.storage, {rollback_of("chat")}));
}

TEST(Storage, AWithdrawnRecordGoesWithTheNextWrite) {
  const Killed killed;
  Storage::Opened opened = open(killed.file.path());
  const Database::Written written = opened.storage->write(std::vector{decision("chat", "higher", "weight 60")}, {});
  ASSERT_THAT(written.records, SizeIs(1));
  opened.storage->withdraw(written.records[0]);
  ASSERT_TRUE(write(*opened.storage, {rollback_of("chat")}));
  opened.storage.reset();
  opened = open(killed.file.path());
  EXPECT_THAT(opened.contents.records, SizeIs(13));
  EXPECT_EQ(opened.contents.records.back(), "rollback of chat");
}

TEST(Storage, OneFileHasOneLockByWhateverName) {
  const Killed killed;
  const Storage::Opened first = open(killed.file.path());
  const std::string other = (killed.file.folder() / "other.db").string();
  fs::create_symlink(killed.file.path(), other);
  EXPECT_EQ(Storage::open(other, "pid 8", 1).holder, "pid 7");
}

TEST(Storage, ALinkToAFileThatIsStillToComeIsThatFile) {
  const StateFile file;
  const fs::path other = file.folder() / "other.db";
  fs::create_symlink(fs::path(file.path()).filename(), other);
  {
    const Storage::Opened first = open(other.string());
    EXPECT_EQ(open(file.path()).holder, "pid 7");
    ASSERT_TRUE(write(*first.storage, {kProof}));
  }
  for (const char* part : {".lock", ".mark"}) {
    EXPECT_TRUE(fs::exists(file.path() + part)) << part;
    EXPECT_FALSE(fs::exists(other.string() + part)) << part;
  }
}

TEST(Storage, AMarkThatCannotBeReadJustNowCondemnsNothing) {
  const Killed killed;
  const std::string mark = killed.file.path() + ".mark";
  fs::rename(mark, mark + ".away");
  fs::create_directory(mark);
  {
    const Storage::Opened opened = open(killed.file.path());
    EXPECT_THAT(opened.lost, HasSubstr("cannot be read"));
    EXPECT_THAT(opened.contents.rollouts, IsEmpty());
    EXPECT_FALSE(write(*opened.storage, {decision("chat", "rolled back", "lost"), kProof}));
  }
  EXPECT_THAT(killed.file.damaged(), IsEmpty());
  fs::remove(mark);
  fs::rename(mark + ".away", mark);
  const Storage::Opened again = open(killed.file.path());
  EXPECT_EQ(again.lost, "");
  EXPECT_THAT(again.contents.records, SizeIs(12));
}

}  // namespace
}  // namespace weir::analysis
