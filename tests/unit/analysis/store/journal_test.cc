// The state file on a real disk: what is durable is there, and what is damaged is not believed.
#include "analysis/store/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/unit/analysis/store/state_file.h"

namespace weir::analysis {
namespace {

using testing::becomes_durable;
using testing::decision;
using ::testing::ElementsAre;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::key_of;
using testing::open;
using testing::save_of;
using ::testing::SizeIs;
using testing::StateFile;

// Two rollouts and twenty decisions, closed cleanly.
void fill(const StateFile& file) {
  Journal::Opened opened = open(file.path());
  ASSERT_NE(opened.journal, nullptr);
  Ticket last = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string service = i % 2 == 0 ? "chat" : "search";
    last = opened.journal->append(decision(service, "state " + std::to_string(i), "record " + std::to_string(i)));
  }
  ASSERT_TRUE(becomes_durable(*opened.journal, last));
}

void expect_lost(const StateFile& file) {
  const std::string before = file.bytes();
  Journal::Opened opened = open(file.path());
  ASSERT_NE(opened.journal, nullptr);
  EXPECT_THAT(opened.lost, HasSubstr("damaged"));
  EXPECT_THAT(opened.contents.rollouts, IsEmpty());
  EXPECT_THAT(opened.contents.records, IsEmpty());
  ASSERT_THAT(file.damaged(), SizeIs(1));
  EXPECT_THAT(opened.lost, HasSubstr(file.damaged()[0]));
  EXPECT_EQ(std::filesystem::file_size(file.damaged()[0]), before.size());
  EXPECT_TRUE(opened.journal->health().writable) << opened.journal->health().problem;
  opened.journal->append(decision("chat", "new", "record"));
  ASSERT_TRUE(becomes_durable(*opened.journal, opened.journal->append({})));
  opened.journal.reset();
  const Journal::Opened again = open(file.path());
  EXPECT_EQ(again.lost, "");
  ASSERT_THAT(again.contents.rollouts, SizeIs(1));
  EXPECT_EQ(again.contents.rollouts[0].state, "new");
}

TEST(Journal, ReadsWhatItWrote) {
  const StateFile file;
  const std::string evidence("\0\xff evidence \0", 13);
  {
    Journal::Opened opened = open(file.path());
    ASSERT_NE(opened.journal, nullptr);
    EXPECT_EQ(opened.lost, "");
    EXPECT_EQ(opened.holder, "");
    EXPECT_THAT(opened.contents.rollouts, IsEmpty());
    opened.journal->append({});
    opened.journal->append({.key = key_of("chat"), .state = "one", .evidence = evidence, .record = "first"});
    opened.journal->append({.key = key_of("search"), .state = "two", .evidence = {}, .record = "second"});
    const Ticket last = opened.journal->append(
        {.key = {"chat", "v1", "v2", "other"}, .state = "three", .evidence = {}, .record = "third"});
    EXPECT_EQ(last, 4U);
    ASSERT_TRUE(becomes_durable(*opened.journal, last));
    EXPECT_EQ(opened.journal->health().pending, 0U);
    EXPECT_EQ(opened.journal->health().failures, 0U);
  }
  const Journal::Opened again = open(file.path());
  EXPECT_EQ(again.lost, "");
  ASSERT_THAT(again.contents.rollouts, SizeIs(3));
  EXPECT_THAT(again.contents.records, ElementsAre("first", "second", "third"));
  for (const StoredRollout& rollout : again.contents.rollouts) {
    if (rollout.key == key_of("chat")) {
      EXPECT_EQ(rollout.state, "one");
      EXPECT_EQ(rollout.evidence, evidence);
    } else if (rollout.key == key_of("search")) {
      EXPECT_EQ(rollout.state, "two");
      EXPECT_EQ(rollout.evidence, "");
    } else {
      EXPECT_EQ(rollout.key.revision, "other");
    }
  }
}

TEST(Journal, WritesWhatWaitsBeforeItEnds) {
  const StateFile file;
  open(file.path()).journal->append(decision("chat", "state", "record"));
  EXPECT_THAT(open(file.path()).contents.records, ElementsAre("record"));
}

TEST(Journal, ReadsTheNewestRecords) {
  const StateFile file;
  fill(file);
  EXPECT_THAT(open(file.path(), 2).contents.records, ElementsAre("record 18", "record 19"));
}

TEST(Journal, MakesTheFoldersOnTheWay) {
  const StateFile file;
  const std::string path = (file.folder() / "a" / "b" / "state.db").string();
  const Journal::Opened opened = open(path);
  EXPECT_TRUE(becomes_durable(*opened.journal, opened.journal->append({})));
}

TEST(Journal, WritesAheadOfItsFile) {
  const StateFile file;
  fill(file);
  const std::string bytes = file.bytes();
  ASSERT_GT(bytes.size(), 100U);
  // The file format's write and read versions: 2 is WAL.
  EXPECT_EQ(bytes[18], 2);
  EXPECT_EQ(bytes[19], 2);
}

TEST(Journal, NamesWhoHasTheFile) {
  const StateFile file;
  const Journal::Opened first = Journal::open(file.path(), "pid 41 on host a", 1);
  ASSERT_NE(first.journal, nullptr);
  const Journal::Opened second = Journal::open(file.path(), "pid 42 on host b", 1);
  EXPECT_EQ(second.journal, nullptr);
  EXPECT_EQ(second.holder, "pid 41 on host a");
  EXPECT_TRUE(becomes_durable(*first.journal, first.journal->append({}))) << "the first one goes on";
}

TEST(Journal, LetsGoOfTheFileAtItsEnd) {
  const StateFile file;
  open(file.path()).journal.reset();
  EXPECT_NE(open(file.path()).journal, nullptr);
}

// The disk takes nothing until the regular file that stands for a folder is gone.
class BlockedJournal : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(obstacle_) << "no folder";
    opened_ = open((obstacle_ / "state.db").string());
    ASSERT_NE(opened_.journal, nullptr);
  }
  Journal& journal() { return *opened_.journal; }
  void unblock(Ticket last) {
    std::filesystem::remove(obstacle_);
    EXPECT_TRUE(becomes_durable(journal(), last));
  }
  std::vector<std::string> unblock_and_read(Ticket last) {
    unblock(last);
    return read_again();
  }
  std::vector<std::string> read_again() {
    opened_.journal.reset();
    opened_ = open((obstacle_ / "state.db").string());
    return opened_.contents.records;
  }
  std::string state() const { return opened_.contents.rollouts.empty() ? "none" : opened_.contents.rollouts[0].state; }

  const StateFile file_;
  const std::filesystem::path obstacle_ = file_.folder() / "folder";
  Journal::Opened opened_;
};

TEST_F(BlockedJournal, KeepsTryingAndSaysWhatIsWrong) {
  EXPECT_FALSE(journal().health().writable);
  EXPECT_THAT(journal().health().problem, HasSubstr("state.db"));
  EXPECT_EQ(opened_.lost, "") << "there was nothing to lose";
  const Ticket last = journal().append(decision("chat", "state", "record"));
  ASSERT_TRUE(eventually([&] { return journal().health().failures >= 2; }));
  EXPECT_FALSE(journal().health().writable);
  EXPECT_THAT(journal().health().problem, HasSubstr("state.db"));
  EXPECT_EQ(journal().health().pending, 1U);
  EXPECT_LT(journal().durable_through(), last);
  unblock(last);
  EXPECT_TRUE(journal().health().writable);
  EXPECT_EQ(journal().health().problem, "");
  EXPECT_EQ(journal().health().pending, 0U);
  EXPECT_THAT(read_again(), ElementsAre("record"));
}

// Between two tries nothing is being written, and what waits can be replaced and taken back. `change` is tried until
// it has met such a moment.
template <class Change>
void between_tries(Journal& journal, std::size_t pending, Change change) {
  EXPECT_TRUE(eventually([&] {
    change();
    return journal.health().pending <= pending;
  }));
}

TEST_F(BlockedJournal, TheNewestSaveReplacesOneThatWaits) {
  Ticket last = journal().append(save_of("chat", "save 0"));
  journal().append(save_of("search", "other"));
  between_tries(journal(), 2, [&] { last = journal().append(save_of("chat", "save n")); });
  EXPECT_THAT(unblock_and_read(last), IsEmpty());
  ASSERT_THAT(opened_.contents.rollouts, SizeIs(2));
  EXPECT_EQ(state(), "save n");
}

TEST_F(BlockedJournal, ASaveDoesNotReplaceADecision) {
  journal().append(decision("chat", "decided", "record 1"));
  journal().append(decision("chat", "decided again", "record 2"));
  const Ticket last = journal().append(save_of("chat", "saved"));
  EXPECT_EQ(journal().health().pending, 3U);
  EXPECT_THAT(unblock_and_read(last), ElementsAre("record 1", "record 2"));
  EXPECT_EQ(state(), "saved");
}

TEST_F(BlockedJournal, TakesBackWhatIsDiscarded) {
  journal().append(decision("chat", "start", "record 1"));
  const Ticket advance = journal().append(decision("chat", "advance", "record 2"));
  const Ticket last = journal().append(decision("chat", "rollback", "record 3"));
  between_tries(journal(), 2, [&] { journal().discard(advance); });
  EXPECT_LT(journal().durable_through(), last);
  EXPECT_THAT(unblock_and_read(last), ElementsAre("record 1", "record 3"));
  EXPECT_EQ(state(), "rollback");
}

TEST_F(BlockedJournal, WhatIsDiscardedHoldsNothingUp) {
  const Ticket only = journal().append(decision("chat", "start", "record"));
  between_tries(journal(), 0, [&] { journal().discard(only); });
  EXPECT_GE(journal().durable_through(), only);
  journal().discard(only);
  journal().discard(99);
  EXPECT_THAT(unblock_and_read(only), IsEmpty());
}

TEST_F(BlockedJournal, EndsWithoutTheDisk) {
  journal().append(decision("chat", "start", "record"));
  opened_.journal.reset();
}

TEST(JournalDamage, BytesInTheMiddle) {
  const StateFile file;
  fill(file);
  std::string bytes = file.bytes();
  // Each page's header: a count of cells that cannot be.
  for (std::size_t page = 4'096; page + 8 < bytes.size(); page += 4'096) bytes.replace(page, 8, 8, '\xff');
  file.overwrite(bytes);
  expect_lost(file);
}

TEST(JournalDamage, OneByteOfAStateThatSqliteDoesNotMind) {
  const StateFile file;
  fill(file);
  std::string bytes = file.bytes();
  const std::size_t at = bytes.find("state 18");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 7] = '9';
  file.overwrite(bytes);
  expect_lost(file);
}

TEST(JournalDamage, ARolloutThatOnlyItsHashDoubts) {
  for (const char* change : {"UPDATE rollouts SET state = 'promoted' WHERE service = 'chat'",
                             "UPDATE rollouts SET evidence = x'00' WHERE service = 'chat'",
                             "UPDATE rollouts SET revision = 'other' WHERE service = 'chat'",
                             "UPDATE records SET record = 'nothing happened' WHERE id = 3"}) {
    SCOPED_TRACE(change);
    const StateFile file;
    fill(file);
    file.execute(change);
    expect_lost(file);
  }
}

TEST(JournalDamage, AFileThatIsNoDatabase) {
  const StateFile file;
  file.overwrite("preset: edge\nlisteners: []\n" + std::string(8'000, '#'));
  expect_lost(file);
}

TEST(JournalDamage, ATruncatedFile) {
  for (const int part : {1, 2, 3}) {
    SCOPED_TRACE(part);
    const StateFile file;
    fill(file);
    const std::string bytes = file.bytes();
    file.overwrite(bytes.substr(0, bytes.size() * static_cast<std::size_t>(part) / 8));
    expect_lost(file);
  }
}

TEST(JournalDamage, IsNeverBelievedInPart) {
  const StateFile file;
  fill(file);
  const std::string bytes = file.bytes();
  int lost = 0;
  for (std::size_t size = 2; size < bytes.size(); size += 509) {
    SCOPED_TRACE(size);
    file.overwrite(bytes.substr(0, size));
    const Journal::Opened opened = open(file.path());
    lost += opened.lost.empty() ? 0 : 1;
    // A cut through bytes that hold nothing may go unseen.
    EXPECT_EQ(opened.contents.rollouts.size(), opened.lost.empty() ? 2U : 0U);
    EXPECT_EQ(opened.contents.records.size(), opened.lost.empty() ? 20U : 0U);
  }
  EXPECT_GT(lost, 20);
}

TEST(JournalDamage, WhatCannotBeReadIsNotTakenForNothing) {
  const StateFile file;
  std::filesystem::create_directory(file.path());
  const Journal::Opened opened = open(file.path());
  ASSERT_NE(opened.journal, nullptr);
  EXPECT_THAT(opened.lost, HasSubstr("could not be read"));
  EXPECT_FALSE(opened.journal->health().writable);
}

}  // namespace
}  // namespace weir::analysis
