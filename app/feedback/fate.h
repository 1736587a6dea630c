// Immutable values and pure functions. What becomes of a score that was posted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::app {

enum class ScoreFate : std::uint8_t {
  kCounted = 0,
  kUnjudged,    // its request was no evidence
  kLate,        // its rollout is over, or no longer in the plan
  kUndeclared,  // no guard is about it
  kDuplicate,   // not the first value of its name and source for its request
  kSurplus,     // its request has had as many names and sources as are told apart
  kEarly,       // no request of that id is known yet: it waits for one
  kUnknown,     // none was seen, or it has been forgotten
  kExpired,     // its request is more than a day old
  kMixed,       // requests of this id met more than one version
};
inline constexpr std::size_t kScoreFateCount = 10;
std::string_view to_string(ScoreFate fate);

// How many of each.
class ScoreTally {
 public:
  std::uint64_t& operator[](ScoreFate fate) { return counts_[static_cast<std::size_t>(fate)]; }
  std::uint64_t operator[](ScoreFate fate) const { return counts_[static_cast<std::size_t>(fate)]; }

 private:
  std::array<std::uint64_t, kScoreFateCount> counts_{};
};

}  // namespace weir::app
