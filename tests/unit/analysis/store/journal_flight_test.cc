// What is withdrawn while the disk is at it: COMMIT has begun, and nobody can stop it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <condition_variable>
#include <mutex>
#include <string>

#include "analysis/store/journal.h"
#include "tests/unit/analysis/store/state_file.h"

namespace weir::analysis {
namespace {

using testing::becomes_durable;
using testing::decision;
using ::testing::ElementsAre;
using testing::eventually;
using testing::open;
using testing::StateFile;

// The disk below SQLite: while the gate is shut, no log reaches it.
class Gate {
 public:
  void pass() {
    std::unique_lock guard(mutex_);
    ++waiting_;
    opened_.wait(guard, [this] { return open_; });
    --waiting_;
  }
  void shut() { set(false); }
  void open() { set(true); }
  int waiting() {
    const std::lock_guard guard(mutex_);
    return waiting_;
  }

 private:
  void set(bool open) {
    const std::lock_guard guard(mutex_);
    open_ = open;
    opened_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = true;
  int waiting_ = 0;
};

Gate gate;
sqlite3_vfs gated_vfs;
sqlite3_io_methods gated_methods;
sqlite3_vfs* real_vfs = nullptr;
const sqlite3_io_methods* real_methods = nullptr;

int sync_log(sqlite3_file* file, int flags) {
  gate.pass();
  return real_methods->xSync(file, flags);
}

// Puts itself below SQLite until its end.
class GatedDisk {
 public:
  GatedDisk() {
    real_vfs = sqlite3_vfs_find(nullptr);
    gated_vfs = *real_vfs;
    gated_vfs.zName = "gated";
    gated_vfs.xOpen = [](auto*, const char* name, sqlite3_file* file, int flags, int* out) {
      const int code = real_vfs->xOpen(real_vfs, name, file, flags, out);
      if (code != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0) return code;
      real_methods = file->pMethods;
      gated_methods = *real_methods;
      gated_methods.xSync = sync_log;
      file->pMethods = &gated_methods;
      return code;
    };
    EXPECT_EQ(sqlite3_vfs_register(&gated_vfs, 1), SQLITE_OK);
  }
  ~GatedDisk() {
    sqlite3_vfs_unregister(&gated_vfs);
    sqlite3_vfs_register(real_vfs, 1);
  }
  GatedDisk(const GatedDisk&) = delete;
  GatedDisk& operator=(const GatedDisk&) = delete;
};

class JournalFlight : public ::testing::Test {
 protected:
  void SetUp() override {
    opened_ = open(file_.path());
    start_ = journal().append(decision("chat", "start", "start"));
    ASSERT_TRUE(becomes_durable(journal(), start_));
    gate.shut();
    climb_ = journal().append(decision("chat", "60", "weight 60"));
    ASSERT_TRUE(eventually([] { return gate.waiting() == 1; }));
  }
  void TearDown() override {
    gate.open();
    opened_.journal.reset();
  }
  Journal& journal() { return *opened_.journal; }
  void reopen() {
    opened_.journal.reset();
    opened_ = open(file_.path());
  }
  std::string state() const { return opened_.contents.rollouts.at(0).state; }

  const GatedDisk disk_;
  const StateFile file_;
  Journal::Opened opened_;
  Ticket start_ = 0;
  Ticket climb_ = 0;
};

TEST_F(JournalFlight, AClimbWithdrawnInItsCommitIsUndoneByTheRollback) {
  journal().discard(climb_);
  const Ticket rollback = journal().append(decision("chat", "rolled back", "rollback"));
  EXPECT_LT(journal().durable_through(), climb_);
  gate.open();
  ASSERT_TRUE(becomes_durable(journal(), rollback));
  reopen();
  EXPECT_EQ(opened_.lost, "");
  EXPECT_THAT(opened_.contents.records, ElementsAre("start", "rollback"));
  EXPECT_EQ(state(), "rolled back");
}

TEST_F(JournalFlight, WithNothingAfterItTheRecordGoesWithWhateverComesNext) {
  journal().discard(climb_);
  gate.open();
  ASSERT_TRUE(becomes_durable(journal(), climb_));
  ASSERT_TRUE(becomes_durable(journal(), journal().append(testing::save_of("chat", "start"))));
  reopen();
  EXPECT_THAT(opened_.contents.records, ElementsAre("start"));
  EXPECT_EQ(state(), "start");
}

TEST_F(JournalFlight, WhatIsNotWithdrawnStays) {
  const Ticket next = journal().append(decision("chat", "70", "weight 70"));
  gate.open();
  ASSERT_TRUE(becomes_durable(journal(), next));
  reopen();
  EXPECT_THAT(opened_.contents.records, ElementsAre("start", "weight 60", "weight 70"));
}

}  // namespace
}  // namespace weir::analysis
