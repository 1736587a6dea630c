// Thread-safe for one producer (its worker) and one consumer (the thread that writes the access log), wait-free on both
// sides. Lines that find no room are dropped whole and counted: whoever answers requests never waits for a disk.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace weir::proxy {

class LineRing {
 public:
  // Room for so many bytes, a power of two. The memory is not touched before the first line.
  explicit LineRing(std::size_t capacity);

  // Producer only. `line` ends with its line feed.
  void push(std::string_view line);

  // Consumer only: visits what has been pushed so far, whole lines in their order, in at most two pieces, and frees it.
  template <class Visit>
  std::size_t drain(Visit&& visit) {
    const std::uint64_t head = head_.load(std::memory_order_acquire);
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    const auto size = static_cast<std::size_t>(head - tail);
    if (size == 0) return 0;
    const std::size_t begin = tail & mask_;
    const std::size_t first = std::min(size, mask_ + 1 - begin);
    visit(std::string_view(bytes_.get() + begin, first));
    if (first < size) visit(std::string_view(bytes_.get(), size - first));
    tail_.store(head, std::memory_order_release);
    return size;
  }

  // Any thread.
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  const std::size_t mask_;
  std::unique_ptr<char[]> bytes_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  std::uint64_t tail_seen_ = 0;  // the producer's copy
  std::atomic<std::uint64_t> dropped_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
};

}  // namespace weir::proxy
