// Thread-safe counting; each share is confined to who has it. Memory that goes from thread to thread, and is counted where
// it came from until it is gone.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace weir {

class HeldBytes {
 public:
  // The bytes of all shares together. It outlives whoever made it, with the last of them.
  using Counter = std::shared_ptr<std::atomic<std::size_t>>;
  static Counter make_counter() { return std::make_shared<std::atomic<std::size_t>>(0); }

  HeldBytes() = default;
  explicit HeldBytes(Counter counter, std::size_t bytes = 0) : counter_(std::move(counter)) { set(bytes); }
  HeldBytes(HeldBytes&& other) noexcept
      : counter_(std::move(other.counter_)), bytes_(std::exchange(other.bytes_, 0)) {}
  HeldBytes& operator=(HeldBytes&& other) noexcept {
    if (this == &other) return *this;
    set(0);
    counter_ = std::move(other.counter_);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  ~HeldBytes() { set(0); }

  // From now on it is so many. Without a counter nobody counts.
  void set(std::size_t bytes) {
    if (counter_ == nullptr || bytes == bytes_) return;
    counter_->fetch_add(bytes - bytes_, std::memory_order_relaxed);  // a difference below zero wraps, and so does the sum
    bytes_ = bytes;
  }
  const Counter& counter() const { return counter_; }

 private:
  Counter counter_;
  std::size_t bytes_ = 0;
};

}  // namespace weir
