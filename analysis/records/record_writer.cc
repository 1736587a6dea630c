#include "analysis/records/record_writer.h"

#include <utility>

namespace weir::analysis {

RecordWriter::RecordWriter(std::string folder, std::uint64_t limit, std::uint64_t run)
    : run_(run), segments_(std::move(folder), limit) {
  writer_ = std::thread([this] { this->run(); });
}

RecordWriter::~RecordWriter() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  writer_.join();
}

bool RecordWriter::push(Block block) {
  const std::lock_guard guard(mutex_);
  if (waiting_bytes_ + block.bytes.size() > kMostWaiting) return false;
  waiting_bytes_ += block.bytes.size();
  waiting_.push_back(std::move(block));
  wake_.notify_all();
  return true;
}

RecordWriter::Health RecordWriter::health() const {
  const std::lock_guard guard(mutex_);
  Health health = health_;
  health.idle = waiting_.empty() && !busy_;
  return health;
}

std::string RecordWriter::write(const Block& block) {
  std::string problem = block.begins_segment ? segments_.begin(run_) : std::string();
  if (problem.empty()) problem = segments_.append(block.bytes);
  return problem;
}

void RecordWriter::run() {
  std::unique_lock guard(mutex_);
  while (true) {
    wake_.wait(guard, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const Block block = std::move(waiting_.front());
    waiting_.pop_front();
    busy_ = true;
    const bool skipped = broken_ && !block.begins_segment;
    guard.unlock();
    std::string problem = skipped ? std::string() : write(block);
    guard.lock();
    busy_ = false;
    waiting_bytes_ -= block.bytes.size();
    if (skipped || !problem.empty()) {
      health_.ticks_lost += block.ticks;
    } else {
      health_.bytes_written += block.bytes.size();
      health_.problem.clear();
      broken_ = false;
    }
    if (problem.empty()) continue;
    health_.problem = std::move(problem);
    ++health_.failures;
    broken_ = true;
  }
}

}  // namespace weir::analysis
