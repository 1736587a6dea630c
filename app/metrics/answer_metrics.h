// Thread-safe: the control thread records, the admin thread takes totals. What the answers of model servers were, where
// they are looked into, by service, route, version and the model that was asked for. Who has prices is told apart from who
// costs nothing.
//
// What clients ask for is theirs to invent. Names that the plan says are labels of their own; another one is only once an
// answer to it has ended well, and only so many are; all else is "other".
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "app/metrics/request_metrics.h"
#include "base/answer.h"
#include "base/names.h"
#include "config/config.h"

namespace weir::app {

// The bounds of OpenTelemetry's conventions for generative models, widened: every dashboard made for those keeps its
// `le` values. Seconds, and tokens.
inline constexpr std::array<double, 20> kFirstTokenBounds = {
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160};
inline constexpr std::array<double, 18> kTokenTimeBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15,
                                                            0.2,   0.3,    0.4,   0.5,  0.75,  1,    2.5,   5,   10};
inline constexpr std::array<double, 14> kTokenBounds = {1,     4,     16,     64,      256,     1024,     4096,
                                                        16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};

template <std::size_t kBounds>
struct Distribution {
  std::array<std::uint64_t, kBounds + 1> buckets{};  // not cumulative; the last is +Inf's
  double sum = 0;

  void add(double value, const std::array<double, kBounds>& bounds) {
    ++buckets[static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin())];
    sum += value;
  }
};

struct AnswerSeries {
  std::string service;
  std::string route;
  std::string version;
  std::string model;  // empty: none was asked for
  std::array<std::uint64_t, kFinishReasonCount> by_finish{};
  std::uint64_t empty = 0;
  std::uint64_t invalid = 0;
  std::uint64_t tokens_cached = 0;
  std::uint64_t priced = 0;       // answers whose cost is known
  std::uint64_t cost_micros = 0;  // of these
  std::array<Distribution<kDurationBounds.size()>, kOutcomeClassCount> duration;
  // Of those that ended well, as the conventions want it.
  Distribution<kFirstTokenBounds.size()> first_token;
  Distribution<kTokenTimeBounds.size()> token_time;
  Distribution<kTokenTimeBounds.size()> chunk_gap;
  Distribution<kTokenBounds.size()> tokens_in;
  Distribution<kTokenBounds.size()> tokens_out;
};

class AnswerMetrics {
 public:
  // Names are read by record() alone, hence on its thread.
  explicit AnswerMetrics(const Names& names) : names_(names) {}

  // From now on this is the plan. On the control thread, too.
  void follow(const config::Config& config);
  void record(const Answer& answer);
  std::vector<AnswerSeries> totals() const;

  // Series beyond this many fall under the labels "other".
  static constexpr std::size_t kSeriesLimit = 2'000;
  static constexpr std::size_t kModelLimit = 50;  // beside those that the plan says

 private:
  using Model = std::uint32_t;

  struct Key {
    std::uint64_t whose = 0;  // by route and version
    Model model = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::uint64_t>()(key.whose * 0x9e3779b97f4a7c15 + key.model);
    }
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  Model model_of(const Answer& answer);
  AnswerSeries& series(const Answer& answer);

  const Names& names_;
  mutable std::mutex mutex_;
  std::unordered_map<Key, AnswerSeries, KeyHash> series_;
  std::unordered_map<std::string, Model, TextHash, std::equal_to<>> models_;  // those that have a label
  std::unordered_set<std::string, TextHash, std::equal_to<>> planned_;        // those that the plan says
  std::size_t invented_ = 0;                                                  // of models_, those that it did not
};

}  // namespace weir::app
