#include "proxy/http/field_scanner.h"

#include <algorithm>
#include <limits>

#include "proxy/http/bytes.h"

namespace weir::http {

void FieldScanner::start(std::size_t begin) {
  state_ = State::kLineStart;
  fault_ = Fault::kNone;
  pos_ = begin_ = line_begin_ = begin;
  spans_.clear();
}

bool FieldScanner::scan(std::string_view buffer) {
  while (state_ != State::kEnded) {
    if (state_ == State::kLineStart && scan_plain_line(buffer)) continue;
    if (!step(buffer)) return state_ == State::kEnded;
  }
  return true;
}

// A whole line `name: value` at once, which nearly all are. False: it is another, malformed, or unfinished; nothing has
// changed, and the steps go through it from its start.
bool FieldScanner::scan_plain_line(std::string_view buffer) {
  constexpr std::string_view kColon = ": ";
  constexpr std::string_view kCrlf = "\r\n";
  const std::size_t name_end = find_not_token(buffer, pos_);
  const std::size_t name_size = name_end - pos_;
  const std::size_t value = name_end + kColon.size();
  if (name_size == 0 || value >= buffer.size() || buffer.compare(name_end, kColon.size(), kColon) != 0) return false;
  const std::size_t end = find_control(buffer, value);
  if (end == value || buffer.compare(end, kCrlf.size(), kCrlf) != 0) return false;
  if (is_blank(buffer[value]) || is_blank(buffer[end - 1])) return false;
  if (spans_.size() >= limits_.count || end > std::min(pos_ + limits_.field, all_end())) return false;
  if (name_size > std::numeric_limits<std::uint16_t>::max()) return false;
  spans_.push_back({.name_begin = static_cast<std::uint32_t>(pos_),
                    .value_begin = static_cast<std::uint32_t>(value),
                    .value_end = static_cast<std::uint32_t>(end),
                    .name_size = static_cast<std::uint16_t>(name_size),
                    .id = field_id(buffer.substr(pos_, name_size)),
                    .plain_line = true});
  pos_ = end + kCrlf.size();
  return true;
}

// False: failed, or out of bytes.
bool FieldScanner::step(std::string_view buffer) {
  switch (state_) {
    case State::kLineStart:
      return scan_line_start(buffer);
    case State::kName:
      return scan_name(buffer);
    case State::kBeforeColon:
      return scan_before_colon(buffer);
    case State::kBeforeValue:
      return scan_before_value(buffer);
    case State::kValue:
      return scan_value(buffer);
    case State::kLineLf:
    case State::kEndLf:
      return scan_lf(buffer);
    case State::kEnded:
      break;
  }
  return false;
}

bool FieldScanner::scan_line_start(std::string_view buffer) {
  if (pos_ == buffer.size()) return false;
  const char c = buffer[pos_];
  if (c == '\r') {
    ++pos_;
    state_ = State::kEndLf;
    return true;
  }
  if (c == '\n') return fail(Fault::kBareLf);
  if (is_blank(c)) return fail(Fault::kFoldedField);
  if (spans_.size() >= limits_.count) return fail(Fault::kTooManyFields);
  line_begin_ = pos_;
  current_ = {};
  current_.name_begin = static_cast<std::uint32_t>(pos_);
  state_ = State::kName;
  return true;
}

bool FieldScanner::scan_name(std::string_view buffer) {
  const std::size_t at = find_not_token(buffer, pos_);
  if (!check_room(at)) return false;
  pos_ = at;
  if (at == buffer.size()) return false;
  const std::size_t size = at - line_begin_;
  const bool blank = is_blank(buffer[at]) && size > 0;
  if (blank && space_ == SpaceBeforeColon::kRefused) return fail(Fault::kSpaceBeforeColon);
  if (size == 0 || (buffer[at] != ':' && !blank)) return fail(Fault::kBadFieldName);
  if (size > std::numeric_limits<std::uint16_t>::max()) return fail(Fault::kFieldTooLarge);
  current_.name_size = static_cast<std::uint16_t>(size);
  current_.id = field_id(buffer.substr(line_begin_, size));
  state_ = State::kBeforeColon;
  return true;
}

bool FieldScanner::scan_before_colon(std::string_view buffer) {
  while (pos_ < buffer.size() && is_blank(buffer[pos_])) ++pos_;
  if (!check_room(pos_) || pos_ == buffer.size()) return false;
  if (buffer[pos_] != ':') return fail(Fault::kBadFieldName);
  ++pos_;
  state_ = State::kBeforeValue;
  return true;
}

bool FieldScanner::scan_before_value(std::string_view buffer) {
  while (pos_ < buffer.size() && is_blank(buffer[pos_])) ++pos_;
  if (!check_room(pos_) || pos_ == buffer.size()) return false;
  current_.value_begin = static_cast<std::uint32_t>(pos_);
  state_ = State::kValue;
  return true;
}

bool FieldScanner::scan_value(std::string_view buffer) {
  const std::size_t at = find_control(buffer, pos_);
  if (!check_room(at)) return false;
  pos_ = at;
  if (at == buffer.size()) return false;
  if (buffer[at] == '\n') return fail(Fault::kBareLf);
  if (buffer[at] != '\r') return fail(Fault::kBadFieldValue);
  std::size_t end = at;
  while (end > current_.value_begin && is_blank(buffer[end - 1])) --end;
  current_.value_end = static_cast<std::uint32_t>(end);
  const std::size_t colon = line_begin_ + current_.name_size;
  current_.plain_line = end == at && current_.value_begin == colon + 2 && buffer[colon] == ':' &&
                        buffer[colon + 1] == ' ' && end > colon + 2;
  ++pos_;
  state_ = State::kLineLf;
  return true;
}

bool FieldScanner::scan_lf(std::string_view buffer) {
  if (pos_ == buffer.size()) return false;
  if (buffer[pos_] != '\n') return fail(Fault::kBareCr);
  ++pos_;
  if (state_ == State::kEndLf) {
    state_ = State::kEnded;
    return true;
  }
  spans_.push_back(current_);
  state_ = State::kLineStart;
  return true;
}

bool FieldScanner::fail(Fault fault) {
  fault_ = fault;
  state_ = State::kEnded;
  return false;
}

// Where the last line of the section has to end; its CRLF counts too.
std::uint64_t FieldScanner::all_end() const {
  constexpr std::uint64_t kCrlf = 2;
  return begin_ + std::max(limits_.fields, kCrlf) - kCrlf;
}

// Whichever limit a byte at `at` would pass first, whatever stands behind it: the answer must not depend on the cuts.
bool FieldScanner::check_room(std::size_t at) {
  const std::uint64_t line_end = line_begin_ + limits_.field;
  if (at <= std::min(line_end, all_end())) return true;
  return fail(line_end <= all_end() ? Fault::kFieldTooLarge : Fault::kFieldsTooLarge);
}

void FieldScanner::collect(std::string_view buffer, FieldList& fields) const {
  for (const Span& span : spans_) {
    fields.add(Field{.name = buffer.substr(span.name_begin, span.name_size),
                     .value = buffer.substr(span.value_begin, span.value_end - span.value_begin),
                     .id = span.id,
                     .dropped = false,
                     .plain_line = span.plain_line});
  }
}

void FieldScanner::release() { spans_ = {}; }

}  // namespace weir::http
