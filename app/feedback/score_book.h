// Confined to the control thread. What was thought of each version, for people to see: the values that count, and those
// that came after them. Since the process began, of the rollouts that there are, and of so many names and sources.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>

#include "app/feedback/posted.h"
#include "base/ids.h"
#include "base/json.h"

namespace weir::app {

class ScoreBook {
 public:
  static constexpr std::size_t kMostLines = 512;

  enum class Entry : std::uint8_t { kCounted, kLater, kUndeclared };
  void enter(std::uint64_t rollout, Arm arm, const PostedScore& score, Entry entry);
  // Forgets the rollouts of whom `is_known` does not say so.
  void keep(const std::function<bool(std::uint64_t rollout)>& is_known);

  // Scores of names and sources that found no line.
  std::uint64_t left_out() const { return left_out_; }
  // What there is of a rollout: [{arm, name, source, counted, mean, later, later_mean, undeclared, …}].
  json::Array lines(std::uint64_t rollout) const;

 private:
  struct Sum {
    std::uint64_t n = 0;
    double values = 0;
    double weights = 0;
  };
  struct Line {
    Sum counted;
    Sum later;
    Sum undeclared;
  };
  using Key = std::tuple<std::uint64_t, std::string, std::string, Arm>;  // rollout, name, source

  std::map<Key, Line> lines_;
  std::uint64_t left_out_ = 0;
};

}  // namespace weir::app
