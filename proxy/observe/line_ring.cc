#include "proxy/observe/line_ring.h"

#include <bit>
#include <cstring>

namespace weir::proxy {

LineRing::LineRing(std::size_t capacity)
    : mask_(std::bit_ceil(capacity) - 1), bytes_(std::make_unique_for_overwrite<char[]>(mask_ + 1)) {}

void LineRing::push(std::string_view line) {
  const std::uint64_t head = head_.load(std::memory_order_relaxed);
  const auto room = [&] { return mask_ + 1 - static_cast<std::size_t>(head - tail_seen_); };
  if (room() < line.size()) tail_seen_ = tail_.load(std::memory_order_acquire);
  if (room() < line.size()) {
    dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return;
  }
  const std::size_t begin = head & mask_;
  const std::size_t first = std::min(line.size(), mask_ + 1 - begin);
  std::memcpy(bytes_.get() + begin, line.data(), first);
  std::memcpy(bytes_.get(), line.data() + first, line.size() - first);
  head_.store(head + line.size(), std::memory_order_release);
}

}  // namespace weir::proxy
