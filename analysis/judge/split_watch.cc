#include "analysis/judge/split_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace weir::analysis {
namespace {

constexpr Seconds kShortestSpan{1};
// What is told of takes a tick or two to come here, and thresholds as long to go there.
constexpr Seconds kGrace{2};

// Somewhere in its tick a record was made, and nothing says where. Were all held to be of its end, short and long
// requests of the same moment would fall into different spans.
double place_in_tick(std::uint32_t user_hash) {
  return static_cast<double>((user_hash * 0x9E3779B1U) >> 8) / static_cast<double>(1U << 24);
}

}  // namespace

void SplitWatch::Span::clear() {
  for (UserBitmap& bitmap : users) {
    if (bitmap.population() > 0) bitmap.clear();
  }
}

void SplitWatch::begin_step(double weight) {
  test_.begin_step(weight);
  begin_spans();
}

void SplitWatch::restart() {
  test_.restart();
  begin_spans();
}

void SplitWatch::begin_spans() {
  open_.clear();
  closed_.clear();
  open_.since = now_;
  open_.known_after = known_after_;
  waits_ = false;
}

void SplitWatch::add(Arm arm, const ArmCounts& counts) {
  if (!test_.counts()) return;
  const auto i = static_cast<std::size_t>(arm);
  for (const UserSeen& user : counts.users) {
    const Seconds assigned = now_ - place_in_tick(user.hash) * tick_ - std::chrono::milliseconds(user.age_ms);
    if (assigned >= open_.since) {
      open_.users[i].add(user.hash);
    } else if (waits_ && assigned >= closed_.since) {
      closed_.users[i].add(user.hash);
    }
  }
}

void SplitWatch::end_tick(Seconds known_after) {
  if (!test_.counts()) return;
  open_.known_after = std::max(open_.known_after, known_after);
  if (waits_ && now_ - open_.since >= closed_.known_after + kGrace) {
    test_.merge(Arm::kBaseline, closed_.users[0]);
    test_.merge(Arm::kCandidate, closed_.users[1]);
    test_.end_tick();
    closed_.clear();
    waits_ = false;
  }
  if (!waits_ && now_ - open_.since >= kShortestSpan) {
    std::swap(open_, closed_);
    open_.since = now_;
    // Requests that begin now may still be told of by what was in force before.
    open_.known_after = std::max(known_after_, known_after);
    waits_ = true;
  }
  known_after_ = known_after;
}

}  // namespace weir::analysis
