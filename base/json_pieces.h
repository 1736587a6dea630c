// Confined to one thread. A JSON text that comes in pieces, through Boost.JSON's event parser: for sources of base/json
// alone.
#pragma once

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace weir::json {

// What a handler holds its texts to: they pass by, and may be of any size.
struct Unbounded {
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
};

// Strictly RFC 8259, but that a string's bytes need not be UTF-8.
template <class Handler>
class PieceParser {
 public:
  // Arrays and objects within each other.
  static constexpr std::size_t kMaxDepth = 128;

  template <class... Arguments>
  explicit PieceParser(Arguments&&... arguments) : parser_(options(), std::forward<Arguments>(arguments)...) {}

  // Another text.
  void begin() {
    parser_.reset();
    failed_ = too_deep_ = false;
  }
  void feed(std::string_view piece) {
    if (failed_ || piece.empty()) return;
    std::size_t taken = 0;
    // Of a parser that is done, more bytes would be another text.
    if (!parser_.done()) {
      boost::json::error_code error;
      taken = parser_.write_some(true, piece.data(), piece.size(), error);
      too_deep_ = error == boost::json::error::too_deep;
      if (error) failed_ = true;
    }
    if (!std::all_of(piece.begin() + static_cast<std::ptrdiff_t>(taken), piece.end(), is_space)) failed_ = true;
  }
  // The text is over. True: it was one whole value.
  bool end() {
    if (!failed_ && !parser_.done()) {
      boost::json::error_code error;
      parser_.write_some(false, "", 0, error);
      if (error) failed_ = true;
    }
    return !failed_;
  }
  // Whether it is JSON is not known.
  bool too_deep() const { return too_deep_; }
  const Handler& handler() const { return parser_.handler(); }

 private:
  static boost::json::parse_options options() {
    boost::json::parse_options options;
    options.max_depth = kMaxDepth;
    options.allow_invalid_utf8 = true;
    return options;
  }
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  boost::json::basic_parser<Handler> parser_;
  bool failed_ = false;
  bool too_deep_ = false;
};

}  // namespace weir::json
