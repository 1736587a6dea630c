// Confined to one worker. Incremental scanners of HTTP/1 heads, strict by HTTP.md section 0 and RFC 9112: what we
// forward must have one meaning.
//
// A scanner is given the whole buffer from the head's first byte each time more bytes have come, and goes on where it
// stopped: nothing is looked at more than twice. It keeps offsets, so the buffer may move between calls. A head is
// whole, malformed, or unfinished; which of the three, and which fault, never depends on how the bytes were cut. After
// kDone or kFailed call reset() before the next head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/limits.h"
#include "proxy/http/fault.h"
#include "proxy/http/field_scanner.h"
#include "proxy/http/head.h"

namespace weir::http {

struct HeadLimits {
  std::uint64_t start_line = 8 * 1024;  // bytes, CRLF excluded
  FieldLimits fields;
};
HeadLimits request_limits(const config::Limits& limits);
HeadLimits response_limits(const config::Limits& limits);

struct Scan {
  enum class State : std::uint8_t { kNeedMore, kDone, kFailed };

  State state = State::kNeedMore;
  std::size_t bytes = 0;       // kDone: length of the head, the body begins there
  Fault fault = Fault::kNone;  // kFailed

  bool done() const { return state == State::kDone; }
  bool failed() const { return state == State::kFailed; }
};

// What both kinds of head share: a start line that ends in CRLF, then fields.
class RequestScanner {
 public:
  explicit RequestScanner(const HeadLimits& limits) : limits_(limits), fields_(limits.fields) {}

  // Fills `head` on kDone. `buffer` begins at the message's first byte; one empty line before it is skipped (RFC 9112
  // 2.2) and counted into Scan::bytes.
  Scan scan(std::string_view buffer, RequestHead& head);
  // Nothing of a head has been seen yet, an empty line aside: an end of input here is a clean one.
  bool idle() const { return state_ == State::kStart || state_ == State::kStartLf; }
  // What has been scanned of `buffer` so far begins a HEAD request: its refusal has no body either.
  bool is_head(std::string_view buffer) const {
    return state_ > State::kMethod && buffer.substr(begin_, method_end_ - begin_) == "HEAD";
  }
  // The valid part of a request line whose head is not whole: the method, the version, and the target as far as it has
  // come and is one, unless it is an absolute one that breaks off, maybe inside a password. To be told, not to be
  // obeyed.
  void describe(std::string_view buffer, RequestHead& head) const;
  void reset();
  void set_limits(const HeadLimits& limits) {
    limits_ = limits;
    fields_.set_limits(limits.fields);
  }
  void release() { fields_.release(); }

 private:
  enum class State : std::uint8_t { kStart, kStartLf, kMethod, kTarget, kVersion, kLineLf, kFields };

  bool scan_line(std::string_view buffer);
  bool scan_method(std::string_view buffer);
  bool scan_target(std::string_view buffer);
  bool scan_version(std::string_view buffer);
  bool fail(Fault fault);
  bool line_too_long(std::size_t at) const { return at - begin_ > limits_.start_line; }

  HeadLimits limits_;
  FieldScanner fields_;
  State state_ = State::kStart;
  Fault fault_ = Fault::kNone;
  std::uint8_t minor_version_ = 1;
  bool skipped_empty_line_ = false;
  std::size_t pos_ = 0;    // everything before it has been scanned
  std::size_t begin_ = 0;  // of the start line
  std::size_t method_end_ = 0;
  std::size_t target_end_ = 0;
};

class ResponseScanner {
 public:
  explicit ResponseScanner(const HeadLimits& limits)
      : limits_(limits), fields_(limits.fields, SpaceBeforeColon::kRemoved) {}

  // The request decides whether there is a body. Survives an interim (1xx) head; set anew for each request.
  void expect_answer_to_head(bool head_request) { head_request_ = head_request; }
  Scan scan(std::string_view buffer, ResponseHead& head);
  // Nothing of a head has been seen yet.
  bool idle() const { return state_ == State::kLine && pos_ == 0; }
  void reset();
  void set_limits(const HeadLimits& limits) {
    limits_ = limits;
    fields_.set_limits(limits.fields);
  }
  void release() { fields_.release(); }

 private:
  enum class State : std::uint8_t { kLine, kReason, kLineLf, kFields };

  bool scan_line(std::string_view buffer);
  bool scan_usual_start(std::string_view buffer);
  bool scan_fixed_part(std::string_view buffer);
  bool scan_reason(std::string_view buffer);
  bool fail(Fault fault);

  HeadLimits limits_;
  FieldScanner fields_;
  bool head_request_ = false;
  State state_ = State::kLine;
  Fault fault_ = Fault::kNone;
  std::uint8_t minor_version_ = 1;
  int status_ = 0;
  std::size_t pos_ = 0;
  std::size_t reason_begin_ = 0;
  std::size_t reason_end_ = 0;
};

}  // namespace weir::http
