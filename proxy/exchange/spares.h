// Confined to one worker. What requests need for a while and warm with use: those that are not in use, kept for the next
// request. What a peak has brought beyond that goes with it.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace weir::proxy {

template <class T>
class Spares {
 public:
  static constexpr std::size_t kMostKept = 128;

  std::unique_ptr<T> take() {
    if (free_.empty()) return std::make_unique<T>();
    std::unique_ptr<T> one = std::move(free_.back());
    free_.pop_back();
    return one;
  }
  void give(std::unique_ptr<T> one) {
    if (free_.size() < kMostKept) free_.push_back(std::move(one));
  }
  std::size_t kept() const { return free_.size(); }

 private:
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace weir::proxy
