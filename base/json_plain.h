// Confined to one thread. The quick way to find the values of some paths in JSON texts that are there as a whole, and
// plain, and like others before them: the events of a stream say the same again, but for a few values, and so do those
// of other streams. Scan is for all other texts, and says what either has to find.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json_scan.h"

namespace weir::json {

class PlainTexts {
 public:
  // They outlive it.
  explicit PlainTexts(const Paths& paths) : paths_(paths) {}

  // What is kept for a source of texts, from its last text to its next.
  struct Source {
    std::uint8_t shape = 0;        // of its last text
    std::uint8_t strangeness = 0;  // grows with each text that fits no shape, and shrinks with each that does
  };

  // True: the text is one whole JSON value, and `sink` was told of it what a Scan tells, in the same order. False: it
  // was told nothing, and the text is one for Scan: perhaps it is no JSON, or it has what this way makes no room for, or
  // too many of its source's texts were like none before them: for those this way is the longer one.
  bool tell(std::string_view text, Source& source, Scan::Sink& sink);

  static constexpr std::size_t kShapes = 8;
  // Of a source that is not tried any more. What one text adds to it, several take off it.
  static constexpr std::uint8_t kStrange = 64;
  static constexpr std::uint8_t kStranger = 4;

 private:
  // Of one text.
  static constexpr std::size_t kMostItems = 32;
  static constexpr std::size_t kMostGaps = 32;

  enum class Kind : std::uint8_t { kText, kNumber, kBoolean, kObject, kObjectEnd };
  // What is told.
  struct Item {
    Kind kind;
    std::int16_t path;
    // Of a string or a number: which gap it stands in; else whether it is true, or how many members.
    std::uint32_t number;
  };
  // Where a string or a number stands, whether it is told or not.
  struct Gap {
    const char* begin;
    std::size_t size;
    std::uint64_t count;  // of a number that is told
    bool is_number;
    bool escaped;  // a string that is not as it is written
  };
  using Gaps = std::array<Gap, kMostGaps>;

  class Reading;

  enum class Fit : std::uint8_t { kSame, kOther, kNotPlain };

  // A text without what stands in its gaps: what fits it differs from it there alone, so that it is JSON just as it is,
  // and what is told of it stands in the same order.
  class Shape {
   public:
    // Whether it can be kept.
    bool learn(std::string_view text, const Reading& reading);
    // `looked_at` grows by the bytes that had to be read to know it; those that say at once that it is another do not
    // count.
    Fit fit(std::string_view text, Gaps& gaps, std::size_t& looked_at) const;
    void tell(const Gaps& gaps, Scan::Sink& sink) const;

   private:
    struct Part {
      std::uint16_t size = 0;  // of the bytes before the gap
      bool is_number = false;
      bool told = false;
    };

    const char* rest() const { return bytes_.data() + rest_begin_; }

    bool known_ = false;
    std::uint8_t gaps_ = 0;
    std::uint8_t items_ = 0;
    std::uint16_t rest_ = 0;        // bytes behind the last gap
    std::uint16_t rest_begin_ = 0;  // in bytes_
    std::array<Part, kMostGaps> parts_;
    std::array<Item, kMostItems> told_;
    std::array<char, 1'024> bytes_;  // the parts, one behind the other
  };

  static const char* string_end(const char* at, const char* end, bool& escaped);
  static const char* number_end(const char* at, const char* end, std::uint64_t* count);
  static void tell(const Item& item, const Gaps& gaps, Scan::Sink& sink);
  static void tell_text(int path, const Gap& gap, Scan::Sink& sink);

  const Paths& paths_;
  std::array<Shape, kShapes> shapes_;
  std::uint8_t next_ = 0;  // the one to be learnt anew
};

}  // namespace weir::json
