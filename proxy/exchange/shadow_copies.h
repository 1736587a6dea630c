// Confined to one worker. The copies of requests that are under way on a worker: as many as the plan allows, none while
// it drains or has no memory left.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/ids.h"

namespace weir::proxy {

class ShadowCopy;

class ShadowCopies {
 public:
  static constexpr std::chrono::seconds kRest{1};

  ShadowCopies();
  ~ShadowCopies();
  ShadowCopies(const ShadowCopies&) = delete;
  ShadowCopies& operator=(const ShadowCopies&) = delete;

  // Whoever is done, and waits for the baseline alone, takes no place.
  bool has_room(std::size_t most) const { return !closed_ && under_way_ < most; }
  void leave() { --under_way_; }
  // The candidate has just said that it has no room: it is left alone for a while.
  void rest(VersionId candidate, SteadyTime now) { rests_[candidate] = now + kRest; }
  bool rests(VersionId candidate, SteadyTime now) const {
    const auto at = rests_.find(candidate);
    return at != rests_.end() && now < at->second;
  }
  // It is under way until it calls leave().
  ShadowCopy& add(std::unique_ptr<ShadowCopy> copy);

  // With every tick: lets go of those that are over, and of all while memory is `tight`.
  void sweep(bool tight);
  // No more, and those under way are given up.
  void close();
  // None is left, nor may one wake up any more.
  bool empty() const { return copies_.empty(); }

 private:
  std::list<std::unique_ptr<ShadowCopy>> copies_;
  std::map<VersionId, SteadyTime> rests_;  // until then
  std::size_t under_way_ = 0;
  bool closed_ = false;
};

}  // namespace weir::proxy
