// Confined to one worker. Bytes on their way out: grows to the largest head it has held, and is reused.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace weir::http {

class HeadBuffer {
 public:
  // One after the other.
  template <std::convertible_to<std::string_view>... Pieces>
  void append(const Pieces&... pieces) {
    append_views(std::string_view(pieces)...);
  }
  void append_number(std::uint64_t value);
  void append_hex(std::uint64_t value);

  std::string_view view() const { return {bytes_.get(), size_}; }
  const char* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity() const { return capacity_; }

  // Keeps the storage.
  void clear() { size_ = 0; }
  // Drops what stands behind the first `size` bytes.
  void cut_to(std::size_t size) { size_ = size; }
  // Gives the storage back, for a connection that goes idle.
  void release();

 private:
  template <typename... Views>
  void append_views(const Views&... views) {
    const std::size_t by = (views.size() + ...);
    if (capacity_ - size_ < by) grow(by);
    char* at = bytes_.get() + size_;
    size_ += by;
    const auto put = [&at](std::string_view view) {
      if (view.empty()) return;  // its data may be null
      std::memcpy(at, view.data(), view.size());
      at += view.size();
    };
    (put(views), ...);
  }
  void grow(std::size_t by);

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace weir::http
