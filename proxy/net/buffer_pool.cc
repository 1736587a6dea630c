#include "proxy/net/buffer_pool.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace weir::proxy {
namespace {

// So that a view which has outlived its buffer is found by ASan as in freed memory.
void set_usable([[maybe_unused]] char* bytes, [[maybe_unused]] std::size_t capacity, [[maybe_unused]] bool usable) {
#ifdef __SANITIZE_ADDRESS__
  if (usable) {
    ASAN_UNPOISON_MEMORY_REGION(bytes, capacity);
  } else {
    ASAN_POISON_MEMORY_REGION(bytes, capacity);
  }
#endif
}

}  // namespace

ReadBuffer::ReadBuffer(ReadBuffer&& other) noexcept
    : pool_(other.pool_),
      bytes_(std::move(other.bytes_)),
      capacity_(std::exchange(other.capacity_, 0)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

ReadBuffer& ReadBuffer::operator=(ReadBuffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  pool_ = other.pool_;
  bytes_ = std::move(other.bytes_);
  capacity_ = std::exchange(other.capacity_, 0);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  return *this;
}

void ReadBuffer::compact() {
  if (begin_ == 0) return;
  std::memmove(front(), data(), size());
  end_ -= begin_;
  begin_ = 0;
}

void ReadBuffer::grow(std::size_t capacity) {
  if (capacity <= capacity_) return compact();
  ReadBuffer larger = pool_->take(capacity);
  std::memcpy(larger.front(), data(), size());
  larger.end_ = size();
  *this = std::move(larger);
}

void ReadBuffer::release() {
  if (capacity_ == 0) return;
  pool_->give(std::move(bytes_), capacity_);
  capacity_ = begin_ = end_ = 0;
}

ReadBuffer BufferPool::take(std::size_t capacity) {
  ReadBuffer buffer;
  buffer.pool_ = this;
  buffer.capacity_ = std::bit_ceil(std::max(capacity, kSmallest));
  in_use_ += buffer.capacity_;
  const auto size = static_cast<std::size_t>(std::countr_zero(buffer.capacity_ / kSmallest));
  if (size < kSizes) {
    Free& free = free_[size];
    std::vector<PageBytes>& from = free.warm.empty() ? free.cold : free.warm;
    if (!from.empty()) {
      buffer.bytes_ = std::move(from.back());
      from.pop_back();
      set_usable(buffer.bytes_.get(), allocated(buffer.capacity_), true);
      return buffer;
    }
  }
  buffer.bytes_.reset(new (PageDelete::kAlignment) char[allocated(buffer.capacity_)]);
  return buffer;
}

std::size_t BufferPool::allocated(std::size_t capacity) {
  return ReadBuffer::lead(capacity) == 0 ? capacity : capacity + static_cast<std::size_t>(PageDelete::kAlignment);
}

void BufferPool::give(PageBytes bytes, std::size_t capacity) {
  in_use_ -= capacity;
  const auto size = static_cast<std::size_t>(std::countr_zero(capacity / kSmallest));
  if (size >= kSizes) return;
  set_usable(bytes.get(), allocated(capacity), false);
  Free& free = free_[size];
  if ((free.warm.size() + 1) * capacity <= kWarmBytes) {
    free.warm.push_back(std::move(bytes));
    return;
  }
  // Where that fails the pages merely stay.
  ::madvise(bytes.get(), allocated(capacity), MADV_DONTNEED);
  free.cold.push_back(std::move(bytes));
}

}  // namespace weir::proxy
