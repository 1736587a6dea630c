#include "proxy/inspect/usage_filter.h"

#include <algorithm>
#include <utility>

namespace weir::proxy {
namespace {

constexpr int kUsage = 0;
constexpr int kError = 2;

const json::Paths& places() {
  static const json::Paths all({"usage", "choices", "error"});
  return all;
}

enum class Choices : std::uint8_t { kUnsaid, kNone, kSome };

// As far as can be told without looking into it: nearly no event has none.
Choices choices_of(std::string_view event) {
  constexpr std::string_view kName = "\"choices\"";
  const std::size_t at = event.find(kName);
  if (at == std::string_view::npos) return Choices::kUnsaid;
  event.remove_prefix(at + kName.size());
  for (const char expected : {':', '[', ']'}) {
    const std::size_t next = event.find_first_not_of(" \t");
    if (next == std::string_view::npos) return Choices::kUnsaid;
    if (event[next] != expected) return Choices::kSome;
    event.remove_prefix(next + 1);
  }
  return Choices::kNone;
}

}  // namespace

UsageFilter::UsageFilter() : scan_(places(), *this) {}

UsageFilter::~UsageFilter() = default;

void UsageFilter::begin() {
  slice_ = {};
  kept_.clear();
  pending_ = passing_ = taking_out_ = ended_ = after_cr_ = blank_cr_ = false;
  blank_ = true;
}

void UsageFilter::take(const http::BodyEvent& slice) {
  slice_ = slice;
  pending_ = true;
}

http::BodyEvent UsageFilter::next() {
  std::string_view& data = slice_.data;
  if (!kept_.empty() && !data.empty()) {
    kept_ += take_event(data);
    const bool ended = std::exchange(ended_, false);
    const Fate fate = fate_of(kept_, ended);
    passing_ = fate == Fate::kSent && !ended;
    taking_out_ = fate == Fate::kTakenOut && !ended;
    if (fate == Fate::kSent) return piece(take_kept());
    if (fate == Fate::kTakenOut) kept_.clear();
  }
  const char* begin = data.data();
  std::size_t size = 0;
  while (!data.empty()) {
    const std::string_view event = take_event(data);
    const bool ended = std::exchange(ended_, false);
    const Fate fate = passing_ ? Fate::kSent : taking_out_ ? Fate::kTakenOut : fate_of(event, ended);
    passing_ = fate == Fate::kSent && !ended;
    taking_out_ = fate == Fate::kTakenOut && !ended;
    if (fate == Fate::kSent) {
      size += event.size();
      continue;
    }
    if (fate == Fate::kKept) kept_ = event;
    if (size > 0) break;
    begin = data.data();
  }
  if (size > 0) return piece({begin, size});
  // A last event that no empty line ends.
  if (slice_.end && data.empty() && !kept_.empty()) {
    if (!says_only_usage(kept_, true)) return piece(take_kept());
    kept_.clear();
  }
  return piece({});
}

// Of an event, or of its beginning: the same however it was cut.
UsageFilter::Fate UsageFilter::fate_of(std::string_view event, bool ended) {
  const auto judged = [&](bool taken) { return taken ? Fate::kTakenOut : Fate::kSent; };
  if (event.size() > kMostDoubtful) return judged(says_only_usage(event.substr(0, kMostDoubtful), false));
  if (ended) return judged(says_only_usage(event, true));
  if (event.size() > kMostEvent && choices_of(event) == Choices::kSome) return Fate::kSent;
  return Fate::kKept;
}

// What of the event under way stands in `bytes`, taken off them; ended_: that is all of it.
std::string_view UsageFilter::take_event(std::string_view& bytes) {
  std::size_t size = 0;
  while (size < bytes.size() && !ended_) {
    if (!after_cr_) {
      const std::string_view rest = bytes.substr(size);
      const std::size_t line = std::min(line_end(rest), rest.size());
      if (line > 0) {
        blank_ = false;
        size += line;
        continue;
      }
    }
    const char c = bytes[size];
    const bool was_cr = std::exchange(after_cr_, false);
    // A carriage return may have a line feed behind it: what it ends, it ends there.
    if (was_cr && std::exchange(blank_cr_, false)) {
      ended_ = true;
      if (c == '\n') ++size;
      break;
    }
    ++size;
    if (was_cr && c == '\n') continue;
    if (c == '\r') {
      after_cr_ = true;
      blank_cr_ = std::exchange(blank_, true);
    } else if (c == '\n') {
      ended_ = std::exchange(blank_, true);
    } else {
      blank_ = false;
    }
  }
  const std::string_view event = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return event;
}

std::string_view UsageFilter::take_kept() {
  sent_.swap(kept_);
  kept_.clear();
  return sent_;
}

// Whether more of this slice is to come, or of the body.
http::BodyEvent UsageFilter::piece(std::string_view data) {
  pending_ = !slice_.data.empty() || (slice_.end && !kept_.empty());
  http::BodyEvent out = http::body_slice(data, slice_.end && !pending_);
  out.more = pending_ || slice_.more;
  return out;
}

bool UsageFilter::says_only_usage(std::string_view event, bool ended) {
  if (choices_of(event) != Choices::kNone) return false;
  usage_ = other_ = error_ = whole_ = false;
  scan_.begin();
  framing_.begin();
  framing_.feed(event, *this);
  if (ended) framing_.end(*this);
  return whole_ == ended && usage_ && !other_ && !error_;
}

void UsageFilter::on_event_data(std::string_view data) { scan_.feed(data); }

void UsageFilter::on_event(std::string_view) { whole_ = scan_.end(); }

void UsageFilter::on_text(int place, std::string_view, bool) { other_ = other_ || place != kUsage; }

void UsageFilter::on_number(int place, double) { other_ = other_ || place != kUsage; }

void UsageFilter::on_boolean(int place, bool) { other_ = other_ || place != kUsage; }

void UsageFilter::on_object(int place) { (place == kUsage ? usage_ : place == kError ? error_ : other_) = true; }

// An error of nothing is none, as for AnswerReader.
void UsageFilter::on_object_end(int place, std::size_t members) {
  if (place == kError && members == 0) error_ = false;
}

}  // namespace weir::proxy
