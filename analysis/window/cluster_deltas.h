// Confined to one thread. The clusters of users that a tick touched; an arm's few requests do not pay for all 256.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::analysis {

inline constexpr std::size_t kClusterCount = 256;  // G of STATISTICS.md 4.0

// `Counts` has a member `cluster`, and begins empty.
template <class Counts>
class TouchedClusters {
 public:
  Counts& of(std::uint8_t cluster) {
    std::uint16_t& place = place_[cluster];
    if (place == 0) {
      touched_.push_back({});
      touched_.back().cluster = cluster;
      place = static_cast<std::uint16_t>(touched_.size());
    }
    return touched_[place - 1U];
  }
  std::span<const Counts> touched() const { return touched_; }
  void clear() {
    for (const Counts& counts : touched_) place_[counts.cluster] = 0;
    touched_.clear();
  }

 private:
  std::array<std::uint16_t, kClusterCount> place_{};  // 1 + index in touched_; 0: not touched
  std::vector<Counts> touched_;
};

}  // namespace weir::analysis
