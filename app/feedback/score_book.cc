#include "app/feedback/score_book.h"

#include <utility>

namespace weir::app {

void ScoreBook::enter(std::uint64_t rollout, Arm arm, const PostedScore& score, Entry entry) {
  const Key key{rollout, score.name, score.source, arm};
  auto at = lines_.find(key);
  if (at == lines_.end()) {
    if (lines_.size() >= kMostLines) {
      ++left_out_;
      return;
    }
    at = lines_.emplace(key, Line()).first;
  }
  Line& line = at->second;
  Sum& sum = entry == Entry::kCounted ? line.counted : entry == Entry::kLater ? line.later : line.undeclared;
  ++sum.n;
  sum.values += score.value;
  sum.weights += score.weight;
}

void ScoreBook::keep(const std::function<bool(std::uint64_t)>& is_known) {
  std::erase_if(lines_, [&](const auto& line) { return !is_known(std::get<0>(line.first)); });
}

json::Array ScoreBook::lines(std::uint64_t rollout) const {
  const auto put = [](json::Object& into, const std::string& name, const Sum& sum) {
    if (sum.n == 0) return;
    const auto n = static_cast<double>(sum.n);
    into.set(name, json::Object{{"n", sum.n}, {"mean", sum.values / n}, {"mean_weight", sum.weights / n}});
  };
  json::Array out;
  for (auto at = lines_.lower_bound({rollout, "", "", Arm::kBaseline}); at != lines_.end(); ++at) {
    const auto& [of, name, source, arm] = at->first;
    if (of != rollout) break;
    json::Object line{{"name", name}, {"source", source}, {"arm", arm == Arm::kBaseline ? "baseline" : "candidate"}};
    put(line, "counted", at->second.counted);
    put(line, "later", at->second.later);
    put(line, "undeclared", at->second.undeclared);
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace weir::app
