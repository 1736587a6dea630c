// Confined to one worker. Bytes on their way out: grows to the largest head it has held, and is reused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace weir::http {

class HeadBuffer {
 public:
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }
  void append(char byte) { *extend(1) = byte; }
  void append_number(std::uint64_t value);
  void append_hex(std::uint64_t value);

  std::string_view view() const { return {bytes_.get(), size_}; }
  const char* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity() const { return capacity_; }

  // Keeps the storage.
  void clear() { size_ = 0; }
  // Gives the storage back, for a connection that goes idle.
  void release();

 private:
  char* extend(std::size_t by) {
    if (capacity_ - size_ < by) grow(by);
    char* at = bytes_.get() + size_;
    size_ += by;
    return at;
  }
  void grow(std::size_t by);

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace weir::http
