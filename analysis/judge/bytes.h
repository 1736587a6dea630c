// Confined to one thread. Numbers to bytes and back, exactly: small integers short, doubles whole.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace weir::analysis {

class ByteWriter {
 public:
  explicit ByteWriter(std::size_t expected = 0) { out_.resize(expected); }

  void integer(std::uint64_t value) {
    char* at = room(kLongestInteger);
    if (value < 0x4000) {
      // Whether of one byte or of two is left to arithmetic: no processor foresees it of the gaps between users.
      const std::size_t more = value >= 0x80 ? 1 : 0;
      at[0] = static_cast<char>((more << 7) | (value & 0x7f));
      at[1] = static_cast<char>(value >> 7);
      used_ += 1 + more;
      return;
    }
    for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(0x80 | (value & 0x7f));
    *at++ = static_cast<char>(value);
    used_ = static_cast<std::size_t>(at - out_.data());
  }
  void number(double value) { word(std::bit_cast<std::uint64_t>(value)); }
  void word(std::uint64_t bits) {
    char* at = room(sizeof bits);
    for (std::size_t i = 0; i < sizeof bits; ++i, bits >>= 8) at[i] = static_cast<char>(bits & 0xff);
    used_ += sizeof bits;
  }
  // It is empty then, and may be used again.
  std::string take() {
    out_.resize(std::exchange(used_, 0));
    return std::exchange(out_, {});
  }
  // Its length, then itself.
  void text(std::string_view bytes) {
    integer(bytes.size());
    std::copy(bytes.begin(), bytes.end(), room(bytes.size()));
    used_ += bytes.size();
  }
  std::size_t size() const { return used_; }

 private:
  static constexpr std::size_t kLongestInteger = 10;
  static constexpr std::size_t kFirstSize = 256;

  char* room(std::size_t bytes) {
    if (out_.size() - used_ < bytes) out_.resize(std::max(kFirstSize, 2 * out_.size() + bytes));
    return out_.data() + used_;
  }

  std::string out_;  // the first `used_` bytes, and room for more
  std::size_t used_ = 0;
};

// After a read beyond the end, or of a number too long, ok() is false for good and all that is read is zero.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t integer() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const unsigned byte = next();
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return ok_ ? value : 0;
    }
    ok_ = false;
    return 0;
  }
  // For counts and enumerations: anything above `most` is damage.
  std::uint64_t integer_up_to(std::uint64_t most) {
    const std::uint64_t value = integer();
    if (value > most) ok_ = false;
    return ok_ ? value : 0;
  }
  double number() { return std::bit_cast<double>(word()); }
  std::uint64_t word() {
    std::uint64_t bits = 0;
    for (unsigned i = 0; i < 8; ++i) bits |= static_cast<std::uint64_t>(next()) << (8 * i);
    return ok_ ? bits : 0;
  }
  std::string_view text(std::uint64_t most) {
    const std::uint64_t size = integer_up_to(most);
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  void fail() { ok_ = false; }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  unsigned next() {
    if (rest_.empty()) {
      ok_ = false;
      return 0;
    }
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace weir::analysis
