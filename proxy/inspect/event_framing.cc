#include "proxy/inspect/event_framing.h"

#include <algorithm>

namespace weir::proxy {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

// Two searches for one byte each are faster than one for either: data has neither. Neither goes far beyond the other's
// find: lines that end with carriage returns alone would each cost a search of all that is there.
std::size_t line_end(std::string_view bytes) {
  constexpr std::size_t kBlock = 512;
  for (std::size_t begin = 0; begin < bytes.size(); begin += kBlock) {
    const std::string_view block = bytes.substr(begin, kBlock);
    const std::size_t feed = block.find('\n');
    const std::size_t end = std::min(feed, block.substr(0, feed).find('\r'));
    if (end != std::string_view::npos) return begin + end;
  }
  return std::string_view::npos;
}

void EventFraming::feed(std::string_view bytes, Sink& sink) {
  while (!bytes.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = line_end(bytes);
    if (take_whole_event(bytes, end, sink)) continue;
    if (end != 0) take(bytes.substr(0, end), sink);
    if (end == std::string_view::npos) return;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    end_line(sink);
  }
}

// If `bytes` begin with one whose data is their first line, of that size, and ends behind it. Just as its lines would be
// taken one after the other, but at once.
bool EventFraming::take_whole_event(std::string_view& bytes, std::size_t line, Sink& sink) {
  constexpr std::string_view kData = "data:";
  if (!blank_ || has_data_ || line == std::string_view::npos || !bytes.starts_with(kData)) return false;
  const std::string_view behind = bytes.substr(line);
  const std::size_t ends = behind.starts_with("\n\n") ? 2 : behind.starts_with("\r\n\r\n") ? 4 : 0;
  std::string_view data = bytes.substr(kData.size(), line - kData.size());
  if (data.starts_with(' ')) data.remove_prefix(1);
  if (ends == 0 || data.empty()) return false;
  bytes.remove_prefix(line + ends);
  first_line_ = false;
  sink.on_whole_event(data, name());
  name_size_ = 0;
  return true;
}

void EventFraming::end(Sink& sink) {
  if (!blank_) end_line(sink);
  dispatch(sink);
}

void EventFraming::take(std::string_view part, Sink& sink) {
  blank_ = false;
  if (part_ == Part::kFieldName) {
    const std::size_t colon = part.find(':');
    for (const char c : part.substr(0, colon)) {
      if (field_size_ > field_name_.size()) break;
      if (field_size_ < field_name_.size()) field_name_[field_size_] = c;
      ++field_size_;
    }
    if (colon == std::string_view::npos) return;
    part.remove_prefix(colon + 1);
    name_field(sink);
  }
  if (part.empty()) return;
  if (part_ == Part::kSpace) {
    if (part.front() == ' ') part.remove_prefix(1);
    part_ = Part::kValue;
  }
  if (part.empty()) return;
  if (field_ == Field::kData) sink.on_event_data(part);
  if (field_ != Field::kEvent) return;
  const std::size_t fits = std::min(part.size(), kMaxName - name_size_);
  std::copy_n(part.data(), fits, name_.data() + name_size_);
  name_size_ = static_cast<std::uint8_t>(name_size_ + fits);
}

void EventFraming::name_field(Sink& sink) {
  std::string_view name(field_name_.data(), std::min<std::size_t>(field_size_, field_name_.size()));
  if (first_line_ && name.starts_with(kByteOrderMark)) name.remove_prefix(kByteOrderMark.size());
  const bool whole = field_size_ <= field_name_.size();
  field_ = !whole ? Field::kOther : name == "data" ? Field::kData : name == "event" ? Field::kEvent : Field::kOther;
  part_ = Part::kSpace;
  if (field_ == Field::kEvent) name_size_ = 0;
  if (field_ != Field::kData) return;
  if (has_data_) sink.on_event_data("\n");
  has_data_ = true;
}

void EventFraming::end_line(Sink& sink) {
  if (blank_) {
    dispatch(sink);
  } else if (part_ == Part::kFieldName) {
    name_field(sink);  // without a colon: its value is empty
  }
  part_ = Part::kFieldName;
  field_ = Field::kOther;
  blank_ = true;
  first_line_ = false;
  field_size_ = 0;
}

// Without data it is none.
void EventFraming::dispatch(Sink& sink) {
  if (has_data_) sink.on_event(name());
  has_data_ = false;
  name_size_ = 0;
}

}  // namespace weir::proxy
