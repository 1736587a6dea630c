#include "proxy/http/scanner.h"

#include <algorithm>

#include "proxy/http/bytes.h"
#include "proxy/http/meaning.h"

namespace weir::http {

HeadLimits request_limits(const config::Limits& limits) {
  return {.start_line = limits.request_line,
          .fields = {.field = limits.field, .fields = limits.fields, .count = limits.field_count}};
}

HeadLimits response_limits(const config::Limits& limits) {
  return {.start_line = limits.request_line,
          .fields = {
              .field = limits.response_fields, .fields = limits.response_fields, .count = limits.response_field_count}};
}

void RequestScanner::reset() {
  state_ = State::kStart;
  fault_ = Fault::kNone;
  skipped_empty_line_ = false;
  pos_ = 0;
}

bool RequestScanner::fail(Fault fault) {
  fault_ = fault;
  return false;
}

Scan RequestScanner::scan(std::string_view buffer, RequestHead& head) {
  if (state_ != State::kFields && !scan_line(buffer)) {
    if (fault_ == Fault::kNone) return {};
    return {Scan::State::kFailed, 0, fault_};
  }
  if (!fields_.scan(buffer)) return {};
  fault_ = fields_.fault();
  if (fault_ == Fault::kNone) {
    head.clear();
    head.method = buffer.substr(begin_, method_end_ - begin_);
    head.target = buffer.substr(method_end_ + 1, target_end_ - method_end_ - 1);
    head.minor_version = minor_version_;
    fields_.collect(buffer, head.fields);
    fault_ = understand(head);
  }
  if (fault_ != Fault::kNone) return {Scan::State::kFailed, 0, fault_};
  return {Scan::State::kDone, fields_.end(), Fault::kNone};
}

void RequestScanner::describe(std::string_view buffer, RequestHead& head) const {
  head.clear();
  head.minor_version = state_ > State::kVersion ? minor_version_ : -1;
  if (state_ <= State::kMethod) return;
  head.method = buffer.substr(begin_, method_end_ - begin_);
  const std::size_t target_end = state_ == State::kTarget ? pos_ : target_end_;
  const std::string_view target = buffer.substr(method_end_ + 1, target_end - method_end_ - 1);
  if (state_ > State::kTarget || target.starts_with('/')) head.target = target;
}

// True once the start line is whole.
bool RequestScanner::scan_line(std::string_view buffer) {
  while (fault_ == Fault::kNone) {
    if (pos_ == buffer.size()) return false;
    const char c = buffer[pos_];
    switch (state_) {
      case State::kStart:
        if (c == '\r' && !skipped_empty_line_) {
          state_ = State::kStartLf;
          ++pos_;
          break;
        }
        if (c == '\n') return fail(Fault::kBareLf);
        begin_ = pos_;
        state_ = State::kMethod;
        break;
      case State::kStartLf:
        if (c != '\n') return fail(Fault::kBareCr);
        ++pos_;
        skipped_empty_line_ = true;
        state_ = State::kStart;
        break;
      case State::kMethod:
        if (!scan_method(buffer)) return false;
        break;
      case State::kTarget:
        if (!scan_target(buffer)) return false;
        break;
      case State::kVersion:
        if (!scan_version(buffer)) return false;
        break;
      case State::kLineLf:
        if (c != '\n') return fail(Fault::kBareCr);
        ++pos_;
        fields_.start(pos_);
        state_ = State::kFields;
        return true;
      case State::kFields:
        return true;
    }
  }
  return false;
}

bool RequestScanner::scan_method(std::string_view buffer) {
  pos_ = find_not_token(buffer, pos_);
  if (line_too_long(pos_)) return fail(Fault::kRequestLineTooLong);
  if (pos_ == buffer.size()) return false;
  if (buffer[pos_] != ' ' || pos_ == begin_) return fail(Fault::kBadMethod);
  method_end_ = pos_++;
  state_ = State::kTarget;
  return true;
}

bool RequestScanner::scan_target(std::string_view buffer) {
  pos_ = find_not_target(buffer, pos_);
  if (line_too_long(pos_)) return fail(Fault::kRequestLineTooLong);
  if (pos_ == buffer.size()) return false;
  const char c = buffer[pos_];
  const bool empty = pos_ == method_end_ + 1;
  if (c == '\n') return fail(Fault::kBareLf);
  // A line that ends here is HTTP/0.9's.
  if (c == '\r' && !empty) return fail(Fault::kUnsupportedVersion);
  if (c != ' ' || empty) return fail(Fault::kBadTarget);
  target_end_ = pos_++;
  state_ = State::kVersion;
  return true;
}

// One byte of "HTTP/1.x" and the CR behind it; or the usual version at once.
bool RequestScanner::scan_version(std::string_view buffer) {
  static constexpr std::string_view kUsual = "HTTP/1.1\r";
  if (pos_ == target_end_ + 1 && buffer.substr(pos_).starts_with(kUsual) && !line_too_long(pos_ + kUsual.size() - 1)) {
    minor_version_ = 1;
    pos_ += kUsual.size();
    state_ = State::kLineLf;
    return true;
  }
  static constexpr std::string_view kPattern = "HTTP/0.0\r";
  const char c = buffer[pos_];
  const std::size_t index = pos_ - target_end_ - 1;
  const char expected = kPattern[index];
  if (line_too_long(pos_)) return fail(Fault::kRequestLineTooLong);
  if (c == '\n') return fail(Fault::kBareLf);
  if (expected == '0' ? !is_digit(c) : c != expected) return fail(Fault::kBadVersion);
  ++pos_;
  if (index == 5 && c != '1') minor_version_ = 9;
  if (index == 5 && c == '1') minor_version_ = 1;
  if (index == 7) {
    if (minor_version_ == 9 || c > '1') return fail(Fault::kUnsupportedVersion);
    minor_version_ = static_cast<std::uint8_t>(c - '0');
  }
  if (index == 8) state_ = State::kLineLf;
  return true;
}

void ResponseScanner::reset() {
  state_ = State::kLine;
  fault_ = Fault::kNone;
  pos_ = 0;
}

bool ResponseScanner::fail(Fault fault) {
  fault_ = fault;
  return false;
}

Scan ResponseScanner::scan(std::string_view buffer, ResponseHead& head) {
  if (state_ != State::kFields && !scan_line(buffer)) {
    if (fault_ == Fault::kNone) return {};
    return {Scan::State::kFailed, 0, fault_};
  }
  if (!fields_.scan(buffer)) return {};
  fault_ = fields_.fault();
  if (fault_ == Fault::kNone) {
    head.clear();
    head.status = status_;
    head.reason = buffer.substr(reason_begin_, reason_end_ - reason_begin_);
    head.minor_version = minor_version_;
    fields_.collect(buffer, head.fields);
    fault_ = understand(head, head_request_);
  }
  if (fault_ != Fault::kNone) return {Scan::State::kFailed, 0, fault_};
  return {Scan::State::kDone, fields_.end(), Fault::kNone};
}

bool ResponseScanner::scan_line(std::string_view buffer) {
  while (fault_ == Fault::kNone) {
    if (pos_ == buffer.size()) return false;
    switch (state_) {
      case State::kLine:
        if (!scan_usual_start(buffer) && !scan_fixed_part(buffer)) return false;
        break;
      case State::kReason:
        if (!scan_reason(buffer)) return false;
        break;
      case State::kLineLf:
        if (buffer[pos_] != '\n') return fail(Fault::kBareCr);
        ++pos_;
        fields_.start(pos_);
        state_ = State::kFields;
        return true;
      case State::kFields:
        return true;
    }
  }
  return false;
}

// "HTTP/1.1 200 " with any status at once. False: it is another start, malformed, or unfinished; nothing has changed.
bool ResponseScanner::scan_usual_start(std::string_view buffer) {
  static constexpr std::string_view kVersion = "HTTP/1.1 ";
  static constexpr std::size_t kSize = kVersion.size() + 4;
  if (pos_ != 0 || buffer.size() < kSize || !buffer.starts_with(kVersion) || buffer[kSize - 1] != ' ') return false;
  const char* const digits = buffer.data() + kVersion.size();
  if (digits[0] < '1' || digits[0] > '5' || !is_digit(digits[1]) || !is_digit(digits[2])) return false;
  minor_version_ = 1;
  status_ = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
  pos_ = reason_begin_ = reason_end_ = kSize;
  state_ = State::kReason;
  return true;
}

// One byte of "HTTP/1.x 200", and the space or CR behind it.
bool ResponseScanner::scan_fixed_part(std::string_view buffer) {
  static constexpr std::string_view kPattern = "HTTP/0.0 000";
  const char c = buffer[pos_];
  const std::size_t index = pos_;
  if (index == kPattern.size()) {
    if (status_ < 100 || status_ > 599) return fail(Fault::kBadStatusLine);
    if (c != ' ' && c != '\r') return fail(Fault::kBadStatusLine);
    ++pos_;
    reason_begin_ = reason_end_ = pos_;
    state_ = c == '\r' ? State::kLineLf : State::kReason;
    return true;
  }
  const char expected = kPattern[index];
  if (expected == '0' ? !is_digit(c) : c != expected) return fail(Fault::kBadStatusLine);
  ++pos_;
  if (index == 5 && c != '1') return fail(Fault::kUnsupportedVersion);
  if (index == 7 && c > '1') return fail(Fault::kUnsupportedVersion);
  if (index == 7) minor_version_ = static_cast<std::uint8_t>(c - '0');
  if (index == 9) status_ = 0;
  if (index >= 9) status_ = status_ * 10 + (c - '0');
  return true;
}

bool ResponseScanner::scan_reason(std::string_view buffer) {
  pos_ = find_control(buffer, pos_);
  if (pos_ > limits_.start_line) return fail(Fault::kRequestLineTooLong);
  if (pos_ == buffer.size()) return false;
  if (buffer[pos_] == '\n') return fail(Fault::kBareLf);
  if (buffer[pos_] != '\r') return fail(Fault::kBadStatusLine);
  reason_end_ = pos_++;
  state_ = State::kLineLf;
  return true;
}

}  // namespace weir::http
