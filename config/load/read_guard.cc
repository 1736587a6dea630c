#include "config/load/read_guard.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "config/guards.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

constexpr double kDefaultQuantile = 0.99;
constexpr double kMostRatioMargin = 1;

class Reader {
 public:
  Reader(const Node& node, const std::string& path, Report& report) : node_(node), path_(path), report_(report) {}

  std::optional<Guard> read() {
    guard_.metric = *guard_metric(*scalar(node_, "metric"));
    refuse_what_is_not_its();
    if (is_time(guard_)) guard_.quantile = decimal_of(node_, "quantile").value_or(kDefaultQuantile);
    guard_.cap = decimal_of(node_, "cap").value_or(0);
    if (guard_.metric == GuardMetric::kFinishReason) read_finish();
    if (guard_.metric == GuardMetric::kFeedback) read_scoring();
    if (!read_margin()) return std::nullopt;
    read_max();
    return guard_;
  }

 private:
  // Keys that only some metrics have.
  void refuse_what_is_not_its() {
    const bool feedback = guard_.metric == GuardMetric::kFeedback;
    const bool amount = family_of(guard_) == Family::kAmount;
    const bool finish = guard_.metric == GuardMetric::kFinishReason;
    refuse("quantile", is_time(guard_));
    refuse("cap", amount);
    refuse("is", finish);
    for (const std::string_view key : {"name", "source", "binary", "better", "scale"}) refuse(key, feedback);
  }

  void refuse(std::string_view key, bool its) {
    const Node* const given = node_.find(key);
    if (its || given == nullptr) return;
    report_.error(given->position,
                  path_ + "." + std::string(key) + ": " + std::string(to_string(guard_.metric)) + " has none",
                  "the key left out");
  }

  void demand(std::string_view key, const std::string& expected) {
    if (node_.find(key) == nullptr)
      report_.error(node_.position, path_ + "." + std::string(key) + " is missing", expected);
  }

  void read_finish() {
    demand("is", "the finish reason that must not come more often, such as length");
    const std::string* const word = scalar(node_, "is");
    for (int i = 0; word != nullptr && i < kFinishReasonCount; ++i) {
      if (to_string(static_cast<FinishReason>(i)) == *word) guard_.finish = static_cast<FinishReason>(i);
    }
  }

  void read_scoring() {
    Scoring& scoring = guard_.scoring;
    demand("name", "the scores' name, such as relevance");
    config::read(node_, "name", scoring.name);
    config::read(node_, "source", scoring.source);
    config::read(node_, "binary", scoring.binary);
    const std::string* const better = scalar(node_, "better");
    scoring.lower_is_better = better != nullptr && *better == "lower";
    const Node* const scale = node_.find("scale");
    if (scale == nullptr) return;
    if (scoring.binary) {
      report_.error(scale->position, path_ + ".scale: a binary score is true or false", "the key left out");
      return;
    }
    scoring.from = decimal_of(*scale, "from").value_or(0);
    scoring.to = decimal_of(*scale, "to").value_or(1);
    if (scoring.from < scoring.to) return;
    report_.error(scale->position, path_ + ".scale: no number lies between its ends", "from below to");
    scoring.to = scoring.from + 1;
  }

  // A part that is not given is 0 where the other one is (STATISTICS.md 4.0).
  bool read_margin() {
    const bool known = set_default_margin(guard_);
    const Node* const margin = node_.find("allowedDegradation");
    if (margin == nullptr) {
      if (!known)
        report_.error(node_.position, path_ + ": this quantile has no margin of its own", "allowedDegradation");
      return known;
    }
    guard_.relative = share_of(*margin, "relative").value_or(0);
    guard_.absolute = 0;
    const std::string inner = path_ + ".allowedDegradation";
    if (const Node* relative = margin->find("relative"); relative != nullptr && higher_is_better()) {
      report_.error(relative->position, inner + ".relative: of these scores, higher is better", "absolute alone");
    }
    const Node* const absolute = margin->find("absolute");
    if (is_ratio(guard_)) {
      check_ratio_margin(*margin, inner);
    } else if (absolute != nullptr) {
      read_absolute(*absolute, inner + ".absolute");
    }
    return true;
  }

  // An answer counts up to a scale that may be no more than twice what is usual of one: a wider margin could be beyond
  // it.
  void check_ratio_margin(const Node& margin, const std::string& path) {
    if (const Node* absolute = margin.find("absolute")) {
      report_.error(absolute->position, path + ".absolute: of a ratio there is none", "relative alone");
    }
    if (const Node* relative = margin.find("relative"); guard_.relative > kMostRatioMargin) {
      report_.error(relative->position, path + ".relative: \"" + relative->scalar + "\"", "at most 100%, for a ratio");
    }
  }

  bool higher_is_better() const { return family_of(guard_) == Family::kScore && !guard_.scoring.lower_is_better; }

  void read_absolute(const Node& value, const std::string& path) {
    if (!is_mean(guard_)) {
      const Either read = read_either(value, path);
      guard_.absolute = read.share.value_or(0);
      guard_.absolute_duration = read.duration.value_or(Duration(0));
    } else if (value.type == Node::Type::kScalar && (parse_share(value.scalar) || parse_duration(value.scalar))) {
      report_.error(value.position, path + ": \"" + value.scalar + "\"",
                    family_of(guard_) == Family::kAmount ? "a number of what is counted, without a unit"
                                                         : "a number on the scale of the scores, without a unit");
    } else {
      guard_.absolute = number_of(value).value_or(0);
    }
  }

  // A ceiling is a test of a share of requests.
  void read_max() {
    const Node* const max = node_.find("max");
    if (max == nullptr) return;
    if (is_mean(guard_)) {
      report_.error(max->position, path_ + ".max: a mean has no ceiling", "allowedDegradation alone");
      return;
    }
    const Either read = read_either(*max, path_ + ".max");
    guard_.max_share = read.share;
    guard_.max_duration = read.duration;
  }

  // A share for a rate, a duration for a time.
  struct Either {
    std::optional<double> share;
    std::optional<Duration> duration;
  };
  Either read_either(const Node& value, const std::string& path) {
    if (value.type != Node::Type::kScalar) return {};
    const bool time = is_time(guard_);
    const std::optional<double> share = parse_share(value.scalar);
    const std::optional<Duration> duration = parse_duration(value.scalar);
    if (time && duration) return {.share = {}, .duration = duration};
    if (!time && share) return {.share = share, .duration = {}};
    if (share || duration || number_of(value)) {
      report_.error(value.position, path + ": \"" + value.scalar + "\"",
                    time ? "a duration, for a time" : "a percentage, for a rate");
    }
    return {};
  }

  const Node& node_;
  const std::string& path_;
  Report& report_;
  Guard guard_;
};

}  // namespace

GuardAction read_action(const std::string& word) {
  if (word == "pause") return GuardAction::kPause;
  return word == "warn" ? GuardAction::kWarn : GuardAction::kRollback;
}

std::optional<ReadGuard> read_guard(const Node& node, const std::string& path, GuardAction action, Report& report) {
  const std::string* const metric = scalar(node, "metric");
  if (metric == nullptr || !is_guard_metric(*metric)) return std::nullopt;  // complained of already
  std::optional<Guard> guard = Reader(node, path, report).read();
  if (!guard) return std::nullopt;
  ReadGuard result{.guard = std::move(*guard)};
  result.guard.action = action;
  if (const std::string* word = scalar(node, "onGuardFail")) result.guard.action = read_action(*word);
  read(node, "gate", result.guard.gate);
  read(node, "enabled", result.enabled);
  return result;
}

}  // namespace weir::config
