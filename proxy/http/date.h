// Confined to one worker. The Date of responses (RFC 9110 6.6.1): a proxy has to add one where an origin gave none.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace weir::http {

class DateText {
 public:
  // Formats again when the second has changed. Views of before then read the new text.
  void update(std::chrono::system_clock::time_point now);
  // "Sun, 06 Nov 1994 08:49:37 GMT". Empty before the first update().
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::int64_t second_ = -1;
  std::size_t size_ = 0;
  std::array<char, 32> text_{};
};

}  // namespace weir::http
