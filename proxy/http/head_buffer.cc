#include "proxy/http/head_buffer.h"

#include <algorithm>
#include <charconv>

namespace weir::http {
namespace {

constexpr std::size_t kFirstCapacity = 1024;

void append_in_base(HeadBuffer& out, std::uint64_t value, int base) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
  out.append(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

}  // namespace

void HeadBuffer::append_number(std::uint64_t value) { append_in_base(*this, value, 10); }

void HeadBuffer::append_hex(std::uint64_t value) { append_in_base(*this, value, 16); }

void HeadBuffer::release() {
  bytes_.reset();
  size_ = 0;
  capacity_ = 0;
}

void HeadBuffer::grow(std::size_t by) {
  const std::size_t capacity = std::max({kFirstCapacity, 2 * capacity_, size_ + by});
  auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ != 0) std::memcpy(bytes.get(), bytes_.get(), size_);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
}

}  // namespace weir::http
