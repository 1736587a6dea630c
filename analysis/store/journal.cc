#include "analysis/store/journal.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

namespace weir::analysis {
namespace {

void make_folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code ignored;  // what is opened there next says what is wrong
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
}

// Out of the way, under a name that nothing overwrites. What cannot be moved stays, and is told.
std::string set_aside(const std::string& path) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string aside =
      path + ".damaged-" + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  std::error_code failed;
  std::filesystem::rename(path, aside, failed);
  for (const char* companion : {"-wal", "-shm"}) {
    std::error_code ignored;
    std::filesystem::rename(path + companion, aside + companion, ignored);
  }
  return failed ? std::string() : aside;
}

}  // namespace

Journal::Opened Journal::open(const std::string& path, const std::string& owner, std::size_t most_records) {
  Opened opened;
  make_folder_of(path);
  FileLock::Result lock = FileLock::take(path + ".lock", owner);
  if (!lock.holder.empty()) {
    opened.holder = lock.holder;
    return opened;
  }
  Database::OpenResult result = Database::open(path);
  std::string damage = result.damaged ? result.error : std::string();
  std::string problem = result.error;
  if (result.database) {
    opened.contents = result.database->read(most_records);
    if (opened.contents.damaged) damage = path + ": " + opened.contents.error;
  }
  if (!damage.empty()) {
    result.database.reset();
    opened.contents = {};
    const std::string aside = set_aside(path);
    opened.lost = "the state file was damaged (" + damage + ")" + (aside.empty() ? "" : " and is kept as " + aside);
    problem = opened.lost;
    if (!aside.empty()) result = Database::open(path);
    if (result.database) problem.clear();
  } else if (std::error_code ignored; !result.database && std::filesystem::exists(path, ignored)) {
    // It is there and cannot be read: that is no reason to believe that there was nothing.
    opened.lost = "the state file could not be read (" + result.error + ")";
  }
  if (lock.lock == nullptr) problem = lock.error;
  opened.journal.reset(new Journal({.path = path,
                                    .owner = owner,
                                    .lock = std::move(lock.lock),
                                    .database = std::move(result.database),
                                    .problem = std::move(problem)}));
  return opened;
}

Journal::Journal(Parts parts)
    : path_(std::move(parts.path)),
      owner_(std::move(parts.owner)),
      lock_(std::move(parts.lock)),
      database_(std::move(parts.database)),
      problem_(std::move(parts.problem)) {
  writer_ = std::thread([this] { run(); });
}

Journal::~Journal() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  writer_.join();
}

Ticket Journal::append(StateWrite write) {
  const std::lock_guard guard(mutex_);
  const Ticket ticket = ++last_;
  if (write.record.empty() && !write.key.service.empty()) {
    const auto replaced = [&](const Waiting& older) {
      return older.write.record.empty() && older.write.key == write.key;
    };
    const auto from = waiting_.begin() + static_cast<std::ptrdiff_t>(writing_);
    waiting_.erase(std::remove_if(from, waiting_.end(), replaced), waiting_.end());
  }
  waiting_.push_back({ticket, std::move(write)});
  wake_.notify_all();
  return ticket;
}

void Journal::discard(Ticket ticket) {
  const std::lock_guard guard(mutex_);
  const auto from = waiting_.begin() + static_cast<std::ptrdiff_t>(writing_);
  const auto is = [&](const Waiting& waiting) { return waiting.ticket == ticket; };
  waiting_.erase(std::remove_if(from, waiting_.end(), is), waiting_.end());
}

Ticket Journal::durable_through() const {
  const std::lock_guard guard(mutex_);
  return waiting_.empty() ? last_ : std::max(durable_, waiting_.front().ticket - 1);
}

StoreHealth Journal::health() const {
  const std::lock_guard guard(mutex_);
  StoreHealth health{
      .writable = problem_.empty(), .problem = problem_, .pending = waiting_.size(), .failures = failures_};
  const auto writing = std::chrono::steady_clock::now() - writing_since_;
  if (health.writable && writing_ > 0 && writing > kSlow) {
    health.writable = false;
    health.problem = path_ + ": a write has not come back from the disk yet";
  }
  return health;
}

std::string Journal::write_out(const std::vector<StateWrite>& batch) {
  if (!lock_) {
    make_folder_of(path_);
    FileLock::Result result = FileLock::take(path_ + ".lock", owner_);
    if (!result.holder.empty()) return path_ + " belongs to another weir by now: " + result.holder;
    if (!result.lock) return result.error;
    lock_ = std::move(result.lock);
  }
  if (!database_) {
    Database::OpenResult result = Database::open(path_);
    if (!result.database) return result.error;
    database_ = std::move(result.database);
  }
  std::string error = database_->write(batch);
  // What was opened while it could only be read stays so: the next try opens it anew.
  if (!error.empty() && database_->read_only()) database_.reset();
  return error;
}

void Journal::run() {
  std::unique_lock guard(mutex_);
  while (true) {
    wake_.wait(guard, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::vector<StateWrite> batch;
    for (const Waiting& waiting : waiting_) batch.push_back(waiting.write);
    writing_ = waiting_.size();
    writing_since_ = std::chrono::steady_clock::now();
    const Ticket through = waiting_.back().ticket;
    guard.unlock();
    std::string error = write_out(batch);
    guard.lock();
    problem_ = std::move(error);
    const std::size_t written = std::exchange(writing_, 0);
    if (problem_.empty()) {
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(written));
      durable_ = std::max(durable_, through);
      continue;
    }
    ++failures_;
    if (stopping_) return;
    wake_.wait_for(guard, kRetry, [this] { return stopping_; });
  }
}

}  // namespace weir::analysis
