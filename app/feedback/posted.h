// Pure functions and immutable values. What somebody posts of answers: a JSON object, an array, or NDJSON, in Weir's own
// shape or in one of those that tools for it send (Langfuse, LangSmith, Phoenix, MLflow, Portkey, OTLP/JSON logs with
// `gen_ai.evaluation.result`). Everything is hostile: a score that makes no sense is refused by itself, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::app {

// Which request it is about, by what the poster knows of it.
struct ScoreTarget {
  enum class Kind : std::uint8_t { kRequest, kResponse, kTrace, kSession };
  Kind kind = Kind::kRequest;
  std::string id;

  bool operator==(const ScoreTarget&) const = default;
};

struct PostedScore {
  static constexpr std::size_t kMaxTargetId = 256;
  static constexpr std::size_t kMaxName = 64;  // of a score, and of its source

  std::vector<ScoreTarget> targets;  // at least one; the first that is known counts
  std::string name;
  std::string source;   // who or what gave it; empty: not said
  double value = 0;     // true is 1, false is 0, and so are words that say so
  double weight = 1;    // kept, not used
};

struct RefusedScore {
  std::size_t index = 0;  // from 0, in the order of the post
  std::string reason;
};

struct Post {
  static constexpr std::size_t kMaxScores = 10'000;

  std::vector<PostedScore> scores;
  std::vector<RefusedScore> refused;
  std::size_t size() const { return scores.size() + refused.size(); }
};

// The scores of a body; or what is wrong with it as a whole.
std::variant<Post, std::string> read_post(std::string_view body);

}  // namespace weir::app
