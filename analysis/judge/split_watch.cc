#include "analysis/judge/split_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace weir::analysis {
namespace {

// Somewhere in its tick a record was made, and nothing says where. Were all held to be of its end, short and long
// requests of the same moment would fall into different spans.
double place_in_tick(std::uint32_t user_hash) {
  return static_cast<double>((user_hash * 0x9E3779B1U) >> 8) / static_cast<double>(1U << 24);
}

}  // namespace

void SplitWatch::Span::clear() {
  for (UserSet& of : users) of.clear();
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
  waiting_.open.clear();
  waiting_.closed.clear();
  waiting_.open.since = waiting_.now;
  waiting_.open.known_after = waiting_.known_after;
  waiting_.waits = false;
}

void SplitWatch::add(Arm arm, const ArmCounts& counts) {
  if (!test_.counts()) return;
  const auto i = static_cast<std::size_t>(arm);
  for (const UserSeen& user : counts.users) {
    const Seconds assigned =
        waiting_.now - place_in_tick(user.hash) * waiting_.tick - std::chrono::milliseconds(user.age_ms);
    if (assigned >= waiting_.open.since) {
      waiting_.open.users[i].add(user.hash);
    } else if (waiting_.waits && assigned >= waiting_.closed.since) {
      waiting_.closed.users[i].add(user.hash);
    }
  }
}

bool SplitWatch::end_tick(Seconds known_after) {
  if (!test_.counts()) return false;
  bool added = false;
  waiting_.open.known_after = std::max(waiting_.open.known_after, known_after);
  if (waiting_.waits && waiting_.now - waiting_.open.since >= waiting_.closed.known_after + kGrace) {
    test_.merge(Arm::kBaseline, waiting_.closed.users[0]);
    test_.merge(Arm::kCandidate, waiting_.closed.users[1]);
    test_.end_tick();
    waiting_.closed.clear();
    waiting_.waits = false;
    added = true;
  }
  if (!waiting_.waits && waiting_.now - waiting_.open.since >= kShortestSpan) {
    std::swap(waiting_.open, waiting_.closed);
    waiting_.open.since = waiting_.now;
    // Requests that begin now may still be told of by what was in force before.
    waiting_.open.known_after = std::max(waiting_.known_after, known_after);
    waiting_.waits = true;
  }
  waiting_.known_after = known_after;
  return added;
}

}  // namespace weir::analysis
