#include "proxy/inspect/usage_filter.h"

#include <utility>

namespace weir::proxy {
namespace {

constexpr int kUsage = 0;

const json::Paths& places() {
  static const json::Paths all({"usage", "choices", "error"});
  return all;
}

// Whether it may be such an event: nearly no other is looked into.
bool has_no_choice(std::string_view event) {
  constexpr std::string_view kName = "\"choices\"";
  const std::size_t at = event.find(kName);
  if (at == std::string_view::npos) return false;
  event.remove_prefix(at + kName.size());
  for (const char expected : {':', '[', ']'}) {
    const std::size_t next = event.find_first_not_of(" \t");
    if (next == std::string_view::npos || event[next] != expected) return false;
    event.remove_prefix(next + 1);
  }
  return true;
}

}  // namespace

UsageFilter::UsageFilter() : scan_(places(), *this) {}

UsageFilter::~UsageFilter() = default;

void UsageFilter::begin() {
  slice_ = {};
  kept_.clear();
  pending_ = passing_ = ended_ = after_cr_ = blank_cr_ = false;
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
    passing_ = !ended && kept_.size() > kMostEvent;
    if (ended && says_only_usage(kept_)) {
      kept_.clear();
    } else if (ended || passing_) {
      return piece(take_kept());
    }
  }
  const char* begin = data.data();
  std::size_t size = 0;
  while (!data.empty()) {
    const std::string_view event = take_event(data);
    const bool ended = std::exchange(ended_, false);
    if (!ended && !passing_ && event.size() <= kMostEvent) {
      kept_ = event;
    } else if (ended && !passing_ && says_only_usage(event)) {
      if (size > 0) break;
      begin = data.data();
    } else {
      size += event.size();
      passing_ = !ended;
    }
  }
  if (size > 0) return piece({begin, size});
  // A last event that no empty line ends.
  if (slice_.end && data.empty() && !kept_.empty()) {
    if (!says_only_usage(kept_)) return piece(take_kept());
    kept_.clear();
  }
  return piece({});
}

// What of the event under way stands in `bytes`, taken off them; ended_: that is all of it.
std::string_view UsageFilter::take_event(std::string_view& bytes) {
  std::size_t size = 0;
  while (size < bytes.size() && !ended_) {
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

bool UsageFilter::says_only_usage(std::string_view event) {
  if (event.size() > kMostEvent || !has_no_choice(event)) return false;
  usage_ = other_ = whole_ = false;
  scan_.begin();
  framing_.begin();
  framing_.feed(event, *this);
  framing_.end(*this);
  return whole_ && usage_ && !other_;
}

void UsageFilter::on_event_data(std::string_view data) { scan_.feed(data); }

void UsageFilter::on_event(std::string_view) { whole_ = scan_.end(); }

void UsageFilter::on_text(int place, std::string_view, bool) { other_ = other_ || place != kUsage; }

void UsageFilter::on_number(int place, double) { other_ = other_ || place != kUsage; }

void UsageFilter::on_boolean(int place, bool) { other_ = other_ || place != kUsage; }

void UsageFilter::on_object(int place) { (place == kUsage ? usage_ : other_) = true; }

}  // namespace weir::proxy
