#include "analysis/store/storage.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

namespace weir::analysis {
namespace {

namespace fs = std::filesystem;

void make_folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code ignored;  // what is opened there next says what is wrong
  if (!folder.empty()) fs::create_directories(folder, ignored);
}

// The same file has one lock and one mark, by whatever name it is reached, and whether it is there yet or not.
std::string real_path(const std::string& path) {
  constexpr int kMostLinks = 40;  // as the kernel follows
  fs::path at = path;
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code none;
    const fs::path target = fs::read_symlink(at, none);
    if (none) break;
    at = target.is_absolute() ? target : at.parent_path() / target;
  }
  std::error_code failed;
  const fs::path real = fs::weakly_canonical(at, failed);
  return failed ? path : real.string();
}

std::uintmax_t size_of(const std::string& path) {
  std::error_code none;
  const std::uintmax_t size = fs::file_size(path, none);
  return none ? 0 : size;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

}  // namespace

Storage::Storage(std::string path, std::string owner)
    : path_(std::move(path)), owner_(std::move(owner)), mark_(path_ + ".mark") {}

Storage::Opened Storage::open(const std::string& path, const std::string& owner, std::size_t most_records) {
  Opened opened;
  make_folder_of(path);
  std::unique_ptr<Storage> storage(new Storage(real_path(path), owner));
  FileLock::Result lock = FileLock::take(storage->path_ + ".lock", owner);
  if (!lock.holder.empty()) {
    opened.holder = lock.holder;
    return opened;
  }
  storage->lock_ = std::move(lock.lock);
  storage->read(most_records, opened);
  if (storage->lock_ == nullptr) opened.problem = lock.error;
  opened.storage = std::move(storage);
  return opened;
}

void Storage::read(std::size_t most_records, Opened& opened) {
  const Mark::Found found = mark_.read();
  if (found == Mark::Found::kUnreadable) {
    // Whether the database is whole is not known until it can be: that is no damage, and nothing is moved.
    opened.problem = mark_.path() + " cannot be read";
    opened.lost = "whether the state file is whole is not known (" + opened.problem + ")";
    known_.lost = true;
    return;
  }
  if (found == Mark::Found::kDamage) return lose(mark_.path() + " is damaged", opened);
  known_ = mark_.contents();
  // Before SQLite sees it, which throws the log of an empty file away.
  if (size_of(path_) == 0 && !fs::is_directory(path_)) {
    if (mark_.written()) return lose(path_ + " is empty or gone, and " + mark_.path() + " tells of one", opened);
    if (size_of(path_ + "-wal") > 0) return lose(path_ + " is empty or gone, and its log is not", opened);
  }
  Database::OpenResult result = Database::open(path_);
  if (result.damaged) return lose(result.error, opened);
  if (!result.database) {
    opened.problem = result.error;
    // It is there and cannot be read: that is no reason to believe that there was nothing.
    if (exists(path_)) {
      opened.lost = "the state file could not be read (" + result.error + ")";
      known_.lost = true;
    }
    return;
  }
  opened.contents = result.database->read(most_records);
  const std::string why = why_not(opened.contents);
  // What an earlier start made in place of what was lost, and could not write to, is worth no keeping.
  const bool made_here = !opened.contents.damaged && opened.contents.version.empty && size_of(path_ + "-wal") == 0;
  if (!why.empty() && !made_here) {
    result.database.reset();
    return lose(why, opened);
  }
  if (!why.empty()) {
    known_.lost = true;
    opened.lost = "the state file was damaged (" + why + ")";
  }
  database_ = std::move(result.database);
  version_ = opened.contents.version;
  if (known_.lost && opened.lost.empty())
    opened.lost = "the state file was lost, and not all of it had been made up for when weir ended";
  for (StoredRollout& rollout : opened.contents.rollouts) {
    const auto& closed = known_.closed;
    const bool is = std::find(closed.begin(), closed.end(), Mark::closed_key(rollout.key)) != closed.end();
    rollout.closed = is || known_.all_closed;
  }
}

// Why a database that could be read is not to be believed.
std::string Storage::why_not(const Database::Contents& contents) const {
  if (contents.damaged) return path_ + ": " + contents.error;
  if (!mark_.written()) return {};
  const Database::Version& version = contents.version;
  if (version.empty) return path_ + " holds nothing, and " + mark_.path() + " tells of more";
  if (version.database != known_.database) return path_ + " is not the file that " + mark_.path() + " tells of";
  if (version.generation >= known_.generation) return {};
  return path_ + " ends with write " + std::to_string(version.generation) + ", and " + mark_.path() + " tells of " +
         std::to_string(known_.generation);
}

void Storage::lose(const std::string& why, Opened& opened) {
  opened.contents = {};
  known_.lost = true;
  opened.lost = "the state file was damaged (" + why + ")";
  // Without the lock it is somebody else's, for all that is known.
  opened.problem = lock_ ? set_aside() : std::string("there is no lock");
  if (opened.problem.empty()) {
    if (!notice_.empty()) opened.lost += " and " + std::exchange(notice_, {});
    opened.problem = open_database();
  }
}

// Out of the way, under a name that nothing overwrites. Only once the mark says that there was something: else the
// next start would find nothing, and think nothing of it.
std::string Storage::set_aside() {
  known_.lost = true;
  proven_ = false;
  withdrawn_.clear();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string aside =
      path_ + ".damaged-" + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  std::error_code ignored;
  if (!mark_.written()) {
    fs::create_hard_link(mark_.path(), aside + "-mark", ignored);
    std::string error = mark_.write(known_);
    if (!error.empty()) return error;
  }
  // Of an empty file there is nothing to keep, and a start that fails again and again shall not leave one each time.
  if (size_of(path_) == 0 && size_of(path_ + "-wal") == 0) return {};
  bool moved = false;
  for (const char* companion : {"", "-wal", "-shm"}) {
    if (!exists(path_ + companion)) continue;
    std::error_code failed;
    fs::rename(path_ + companion, aside + companion, failed);
    if (failed && *companion == '\0') return path_ + " cannot be set aside: " + failed.message();
    moved = moved || !failed;
  }
  if (moved) notice_ = "is kept as " + aside;
  return {};
}

Database::Written Storage::write(std::span<const StateWrite> writes, const std::function<bool()>& wanted) {
  Database::Written written = commit(writes, wanted);
  if (!written.done && !written.unwanted) keep_closed(writes, written.error);
  return written;
}

Database::Written Storage::commit(std::span<const StateWrite> writes, const std::function<bool()>& wanted) {
  Database::Written written;
  written.error = ready();
  if (!written.error.empty()) return written;
  std::vector<StateWrite> all;
  if (!taken_along_.empty()) {
    all = taken_along_;
    all.insert(all.end(), writes.begin(), writes.end());
  }
  const std::span<const StateWrite> batch = all.empty() ? writes : all;
  written = database_->write({.writes = batch, .withdrawn = withdrawn_, .wanted = wanted});
  if (!written.done) {
    // What was opened while it could only be read stays so: the next try opens it anew.
    if (!written.unwanted && database_->read_only()) database_.reset();
    return written;
  }
  const auto own = static_cast<std::ptrdiff_t>(taken_along_.size());
  written.records.erase(written.records.begin(), written.records.begin() + own);
  taken_along_.clear();
  withdrawn_.clear();
  version_ = written.version;
  settle(writes);
  return written;
}

// Everything open, and the database the one that was read.
std::string Storage::ready() {
  if (!lock_) {
    make_folder_of(path_);
    FileLock::Result result = FileLock::take(path_ + ".lock", owner_);
    if (!result.holder.empty()) return path_ + " belongs to another weir by now: " + result.holder;
    if (!result.lock) return result.error;
    lock_ = std::move(result.lock);
  }
  if (database_ && database_->moved()) take_along();
  if (database_ && database_->lost_its_log()) {
    database_.reset();
    notice_ = "had lost its log, and has all of it again";
  }
  return database_ ? std::string() : open_database();
}

std::string Storage::open_database() {
  Database::OpenResult result = Database::open(path_);
  if (!result.database && !result.damaged) return result.error;
  Database::Contents found;
  if (result.database) found = result.database->read(0);
  if (result.damaged || found.damaged || found.version != version_) {
    result.database.reset();
    std::string error = set_aside();
    if (!error.empty()) return error;
    version_ = {};
    result = Database::open(path_);
    if (!result.database) return result.error;
  }
  database_ = std::move(result.database);
  return {};
}

// The file has lost its name. What was in it can still be read, and goes into the next one with the next write.
void Storage::take_along() {
  Database::Contents contents = database_->read(Database::kRecordsKept);
  database_.reset();
  notice_ = "was removed, and is written anew";
  version_ = {};
  withdrawn_.clear();
  if (contents.damaged) {
    known_.lost = true;
    proven_ = false;
    return;
  }
  for (StoredRollout& rollout : contents.rollouts) {
    StateWrite write;
    write.key = std::move(rollout.key);
    write.state = std::move(rollout.state);
    write.evidence = std::move(rollout.evidence);
    taken_along_.push_back(std::move(write));
  }
  for (std::string& record : contents.records) {
    taken_along_.emplace_back();
    taken_along_.back().record = std::move(record);
  }
}

// What the database has now need not be marked any longer.
void Storage::settle(std::span<const StateWrite> writes) {
  known_.database = version_.database;
  known_.generation = version_.generation;
  for (const StateWrite& write : writes) {
    proven_ = proven_ || write.proves();
    if (!write.key.service.empty()) std::erase(known_.closed, Mark::closed_key(write.key));
  }
  if (proven_) known_.lost = known_.all_closed = false;
  forgets_rollbacks_ = false;
}

std::string Storage::confirm() { return mark_.write(known_); }

void Storage::keep_closed(std::span<const StateWrite> writes, std::string& error) {
  for (const StateWrite& write : writes) {
    if (!write.closes) continue;
    const std::uint64_t key = Mark::closed_key(write.key);
    if (std::find(known_.closed.begin(), known_.closed.end(), key) != known_.closed.end()) continue;
    if (known_.closed.size() < Mark::kMostClosed) {
      known_.closed.push_back(key);
    } else {
      known_.all_closed = true;
    }
  }
  if (known_.closed.empty()) return;
  Mark::Contents kept = mark_.contents();
  if (!mark_.written()) kept = {.database = version_.database, .generation = version_.generation, .lost = known_.lost};
  kept.closed = known_.closed;
  kept.all_closed = kept.all_closed || known_.all_closed;
  const std::string failed = lock_ ? mark_.write(kept) : std::string("a mark, for want of the lock");
  forgets_rollbacks_ = !failed.empty();
  if (forgets_rollbacks_) error += "; nor can rollbacks be kept in " + failed;
}

}  // namespace weir::analysis
