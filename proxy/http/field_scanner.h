// Confined to one worker. The field lines of a head or of a trailer section, up to and including the empty line that
// ends them. Scanned incrementally; see scanner.h for the rules of resuming.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/http/fault.h"
#include "proxy/http/field_list.h"

namespace weir::http {

struct FieldLimits {
  std::uint64_t field = 16 * 1024;   // bytes of one field line, CRLF excluded
  std::uint64_t fields = 60 * 1024;  // bytes of all of them, CRLFs included
  std::uint32_t count = 100;
};

// RFC 9112 5.1: what a request is refused for is removed from a response.
enum class SpaceBeforeColon : std::uint8_t { kRefused, kRemoved };

class FieldScanner {
 public:
  explicit FieldScanner(const FieldLimits& limits, SpaceBeforeColon space = SpaceBeforeColon::kRefused)
      : limits_(limits), space_(space) {}

  // The first field line begins at offset `begin` of the buffers to come.
  void start(std::size_t begin);
  // Goes on; true when the section has ended, whole or not: fault() tells. False: more bytes are needed.
  bool scan(std::string_view buffer);
  Fault fault() const { return fault_; }
  std::size_t end() const { return pos_; }  // once whole: where the body begins

  // The fields as views into `buffer`, which holds the bytes that were scanned.
  void collect(std::string_view buffer, FieldList& fields) const;
  void set_limits(const FieldLimits& limits) { limits_ = limits; }
  void release();

 private:
  enum class State : std::uint8_t { kLineStart, kName, kBeforeColon, kBeforeValue, kValue, kLineLf, kEndLf, kEnded };

  // Offsets, for the buffer may move before the head is whole.
  struct Span {
    std::uint32_t name_begin;
    std::uint32_t value_begin;
    std::uint32_t value_end;
    std::uint16_t name_size;
    FieldId id;
    bool plain_line;
  };

  bool scan_plain_line(std::string_view buffer);
  bool step(std::string_view buffer);
  bool scan_line_start(std::string_view buffer);
  bool scan_name(std::string_view buffer);
  bool scan_before_colon(std::string_view buffer);
  bool scan_before_value(std::string_view buffer);
  bool scan_value(std::string_view buffer);
  bool scan_lf(std::string_view buffer);
  bool fail(Fault fault);
  std::uint64_t all_end() const;
  bool check_room(std::size_t at);

  FieldLimits limits_;
  SpaceBeforeColon space_;
  State state_ = State::kEnded;
  Fault fault_ = Fault::kNone;
  std::size_t pos_ = 0;
  std::size_t begin_ = 0;  // of the section
  std::size_t line_begin_ = 0;
  Span current_{};
  std::vector<Span> spans_;
};

}  // namespace weir::http
