// One producer (its worker) and one consumer (the control thread), wait-free on both sides. Thread-safe for exactly
// that pair. Records that find no room are dropped and counted: the control plane treats a drop as a reason not to
// trust its counts (STATISTICS.md 4.13), never as a reason to slow a request.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "base/answer.h"
#include "base/comparison.h"
#include "base/outcome.h"
#include "base/score.h"

namespace weir::proxy {

template <class Record>
class RecordRing {
 public:
  static_assert(std::is_trivially_copyable_v<Record>);

  // Room for this many records, a power of two. The memory is not touched before it is used.
  explicit RecordRing(std::size_t capacity)
      : mask_(std::bit_ceil(capacity) - 1), records_(std::allocator<Record>().allocate(mask_ + 1), Free{mask_ + 1}) {}

  // Producer only. False: it found no room.
  bool push(const Record& record) {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_seen_ > mask_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head - tail_seen_ > mask_) {
        dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return false;
      }
    }
    std::construct_at(records_.get() + (head & mask_), record);
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  // Consumer only: visits what has been pushed so far, oldest first, and frees it. Returns how many.
  template <class Visit>
  std::size_t drain(Visit&& visit) {
    const std::uint64_t head = head_.load(std::memory_order_acquire);
    std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    const std::uint64_t first = tail;
    for (; tail != head; ++tail) visit(*(records_.get() + (tail & mask_)));
    tail_.store(tail, std::memory_order_release);
    return static_cast<std::size_t>(tail - first);
  }

  // Any thread.
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Free {
    std::size_t count;
    void operator()(Record* records) const { std::allocator<Record>().deallocate(records, count); }
  };

  const std::uint64_t mask_;
  std::unique_ptr<Record, Free> records_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  std::uint64_t tail_seen_ = 0;  // the producer's copy: one shared read per lap, not per record
  std::atomic<std::uint64_t> dropped_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
};

using OutcomeRing = RecordRing<Outcome>;
// Beside the outcomes, of requests whose answers are looked into.
using AnswerRing = RecordRing<Answer>;
// Of those that may be scored later.
using JoinRing = RecordRing<Joinable>;
// Of copies whose answers were compared.
using ComparisonRing = RecordRing<Comparison>;
// A sample of the failed ones: a drop is none to worry about.
using FailureRing = RecordRing<FailedRequest>;

}  // namespace weir::proxy
