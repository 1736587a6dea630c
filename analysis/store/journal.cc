#include "analysis/store/journal.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace weir::analysis {

Journal::Opened Journal::open(const std::string& path, const std::string& owner, std::size_t most_records) {
  Storage::Opened storage = Storage::open(path, owner, most_records);
  Opened opened;
  opened.holder = std::move(storage.holder);
  opened.contents = std::move(storage.contents);
  opened.lost = std::move(storage.lost);
  if (!storage.storage) return opened;
  opened.journal.reset(
      new Journal({.path = path, .storage = std::move(storage.storage), .problem = std::move(storage.problem)}));
  return opened;
}

Journal::Journal(Parts parts)
    : path_(std::move(parts.path)), storage_(std::move(parts.storage)), problem_(std::move(parts.problem)) {
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

bool Journal::discard(Ticket ticket) {
  const std::lock_guard guard(mutex_);
  const auto from = waiting_.begin() + static_cast<std::ptrdiff_t>(writing_);
  const auto is = [&](const Waiting& waiting) { return waiting.ticket == ticket; };
  const auto at = std::find_if(waiting_.begin(), waiting_.end(), is);
  if (at == waiting_.end()) return false;
  if (at < from) {
    at->withdrawn = true;
  } else {
    waiting_.erase(at);
  }
  return true;
}

Ticket Journal::durable_through() const {
  const std::lock_guard guard(mutex_);
  return waiting_.empty() ? last_ : std::max(durable_, waiting_.front().ticket - 1);
}

StoreHealth Journal::health() const {
  const std::lock_guard guard(mutex_);
  const auto forgotten = [this](const Waiting& waiting) {
    return waiting.write.closes && waiting.ticket > kept_ && !waiting.withdrawn;
  };
  StoreHealth health{.writable = problem_.empty(),
                     .problem = problem_,
                     .pending = waiting_.size(),
                     .failures = failures_,
                     .forgets_rollbacks = std::any_of(waiting_.begin(), waiting_.end(), forgotten),
                     .notice = notice_};
  if (health.writable && busy_ && std::chrono::steady_clock::now() - writing_since_ > kSlow) {
    health.writable = false;
    health.problem = path_ + ": a write has not come back from the disk yet";
  }
  return health;
}

bool Journal::withdrawn_among(std::size_t from, std::size_t to) const {
  const auto begin = waiting_.begin();
  return std::any_of(begin + static_cast<std::ptrdiff_t>(from), begin + static_cast<std::ptrdiff_t>(to),
                     [](const Waiting& waiting) { return waiting.withdrawn; });
}

// All that waits, in one transaction.
std::string Journal::write_out(std::unique_lock<std::mutex>& guard) {
  take_back();
  std::vector<StateWrite> batch;
  for (std::size_t i = written_; i < waiting_.size(); ++i) batch.push_back(waiting_[i].write);
  writing_ = waiting_.size();
  // What was withdrawn since must not get there. Asked before the disk is: whoever withdraws later is heard after it.
  const auto wanted = [&] {
    const std::lock_guard again(mutex_);
    return !withdrawn_among(written_, writing_);
  };
  guard.unlock();
  Database::Written written = storage_->write(batch, wanted);
  guard.lock();
  if (!storage_->forgets_rollbacks()) kept_ = waiting_[writing_ - 1].ticket;
  notice_ = storage_->notice();
  if (written.done) {
    for (std::size_t i = 0; i < batch.size(); ++i) waiting_[written_ + i].record = written.records[i];
    written_ = writing_;
    return {};
  }
  const auto first = waiting_.begin() + static_cast<std::ptrdiff_t>(written_);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(writing_);
  waiting_.erase(std::remove_if(first, end, [](const Waiting& waiting) { return waiting.withdrawn; }), end);
  writing_ = written_;
  return std::move(written.error);
}

// Of what was withdrawn too late to keep it from the disk, the next write takes the record out again.
void Journal::take_back() {
  for (std::size_t i = 0; i < written_; ++i) {
    if (waiting_[i].withdrawn && waiting_[i].record != 0) storage_->withdraw(std::exchange(waiting_[i].record, 0));
  }
}

std::string Journal::confirm(std::unique_lock<std::mutex>& guard) {
  // What was withdrawn and got there all the same is undone before anything else.
  if (withdrawn_among(0, written_) && written_ < waiting_.size()) return {};
  guard.unlock();
  std::string error = storage_->confirm();
  guard.lock();
  if (!error.empty()) return error;
  take_back();
  durable_ = std::max(durable_, waiting_[written_ - 1].ticket);
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(written_));
  written_ = writing_ = 0;
  return {};
}

void Journal::run() {
  std::unique_lock guard(mutex_);
  while (true) {
    wake_.wait(guard, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    busy_ = true;
    writing_since_ = std::chrono::steady_clock::now();
    std::string error = written_ < waiting_.size() ? write_out(guard) : std::string();
    if (error.empty() && written_ > 0) error = confirm(guard);
    busy_ = false;
    problem_ = std::move(error);
    if (problem_.empty()) continue;
    ++failures_;
    if (stopping_) return;
    wake_.wait_for(guard, kRetry, [this] { return stopping_; });
  }
}

}  // namespace weir::analysis
