// Confined to one worker. The copies of requests that are under way on a worker: as many as the plan allows, none while
// it drains or has no memory left.
#pragma once

#include <cstddef>
#include <list>
#include <memory>

namespace weir::proxy {

class ShadowCopy;

class ShadowCopies {
 public:
  ShadowCopies();
  ~ShadowCopies();
  ShadowCopies(const ShadowCopies&) = delete;
  ShadowCopies& operator=(const ShadowCopies&) = delete;

  bool has_room(std::size_t most) const { return !closed_ && copies_.size() < most; }
  ShadowCopy& add(std::unique_ptr<ShadowCopy> copy);

  // With every tick: lets go of those that are over, and of all while `overloaded`.
  void sweep(bool overloaded);
  // No more, and those under way are given up.
  void close();
  // None is under way, nor may one wake up any more.
  bool empty() const { return copies_.empty(); }

 private:
  std::list<std::unique_ptr<ShadowCopy>> copies_;
  bool closed_ = false;
};

}  // namespace weir::proxy
