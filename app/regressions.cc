#include "app/regressions.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <vector>

#include "app/cli/figures.h"
#include "app/cli/terminal.h"
#include "base/text.h"
#include "config/guards.h"
#include "config/units.h"

namespace weir::app {
namespace {

constexpr double kMostFactor = 1'000;
constexpr double kTailFrom = 0.95;  // the quantile from which on p99 stretches latencies

std::optional<double> parse_factor(std::string_view text) {
  if (!text.starts_with('x')) return std::nullopt;
  double factor = 0;
  const auto [end, error] =
      std::from_chars(text.data() + 1, text.data() + text.size(), factor, std::chars_format::fixed);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !(factor > 0) || factor > kMostFactor) return std::nullopt;
  return factor;
}

// "x1.1" or "+10%".
std::optional<double> parse_stretch(std::string_view text) {
  if (!text.starts_with('+')) return parse_factor(text);
  const std::optional<double> more = config::parse_share(text.substr(1));
  if (!more || *more > kMostFactor - 1) return std::nullopt;
  return 1 + *more;
}

std::optional<double> parse_part(std::string_view text) {
  const std::optional<double> share = config::parse_share(text);
  return share && *share <= 1 ? share : std::nullopt;
}

// "1%" of the candidate's requests in all, or "x4" what the baseline has.
bool read_worse(std::string_view text, double baseline, analysis::sim::Worse& into) {
  if (const std::optional<double> factor = parse_factor(text)) {
    into.factor = *factor;
    return true;
  }
  const std::optional<double> share = parse_part(text);
  if (!share) return false;
  if (*share < baseline) {
    into.factor = *share / baseline;
  } else {
    into.extra = baseline < 1 ? (*share - baseline) / (1 - baseline) : 0;
  }
  return true;
}

// Why so many times the baseline's is nothing that a candidate can do.
std::string impossible_factor(double factor, double baseline) {
  if (baseline <= 0) return "of a baseline that has none there is no multiple; expected a share of the requests, as 1%";
  if (factor * baseline <= 1) return {};
  return "that many times the baseline's " + percent(100 * baseline) + " is more than all requests";
}

bool is_set(const analysis::sim::Worse& what) { return what.factor != 1 || what.extra != 0; }

bool read_number(std::optional<double> value, double& into) {
  into = value.value_or(into);
  return value.has_value();
}

}  // namespace

std::string add_regression(std::string_view text, const analysis::sim::Traffic& traffic,
                           analysis::sim::Regression& into) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
  const auto wrong = [&](const std::string& expected) {
    return "\"" + printable(text) + "\": expected " + std::string(name) + "=" + expected;
  };
  const auto worse = [&](double baseline, analysis::sim::Worse& what) {
    if (is_set(what))
      return "\"" + printable(text) + "\": " + std::string(name) + " was given before; expected it once";
    if (!read_worse(value, baseline, what)) return wrong("1% (of its requests) or x4 (of the baseline's)");
    const std::string cannot = value.starts_with('x') ? impossible_factor(what.factor, baseline) : std::string();
    return cannot.empty() ? cannot : "\"" + printable(text) + "\": " + cannot;
  };
  if (name == "errors") return worse(traffic.error_rate, into.errors);
  if (name == "capacity") return worse(traffic.capacity_rate, into.capacity);
  if (name == "clientErrors") return worse(traffic.client_error_rate, into.client_errors);
  if (name == "clientAborts") return worse(traffic.client_abort_rate, into.client_aborts);
  if (name == "latency") return read_number(parse_stretch(value), into.latency_factor) ? "" : wrong("+10% or x1.5");
  if (name == "p99") return read_number(parse_stretch(value), into.tail_factor) ? "" : wrong("x2 or +50%");
  if (name == "slowInputs") return read_number(parse_part(value), into.slow_share) ? "" : wrong("5%, ten times slower");
  if (name == "tokens") return read_number(parse_stretch(value), into.tokens_factor) ? "" : wrong("+15% or x2");
  if (name == "cost") return read_number(parse_stretch(value), into.cost_factor) ? "" : wrong("+20% or x2");
  if (name == "relevance")
    return read_number(parse_part(value), into.relevance_less) ? "" : wrong("5% (of the scale less)");
  if (name == "hallucinations") return worse(analysis::sim::kHallucinationRate, into.hallucinations);
  const std::vector<std::string_view> known{"errors",  "capacity",  "clientErrors",  "clientAborts",
                                            "latency", "p99",       "slowInputs",    "tokens",
                                            "cost",    "relevance", "hallucinations"};
  const std::string_view nearest = nearest_word(known, name);
  const std::string meant = nearest.empty() ? "" : "; did you mean `" + std::string(nearest) + "`?";
  std::string all;
  for (const std::string_view word : known) all += (all.empty() ? "" : ", ") + std::string(word);
  return "\"" + printable(text) + "\": expected one of " + all + ", then = and by how much" + meant;
}

std::string impossible_sum(const analysis::sim::Traffic& traffic, const analysis::sim::Regression& regression) {
  double sum = 0;
  std::string names;
  const auto add = [&](const char* name, double baseline, const analysis::sim::Worse& what) {
    if (!is_set(what)) return;
    const double usual = baseline * what.factor;
    sum += usual + (1 - usual) * what.extra;
    names += (names.empty() ? "" : " and ") + std::string(name);
  };
  add("errors", traffic.error_rate, regression.errors);
  add("capacity", traffic.capacity_rate, regression.capacity);
  add("clientErrors", traffic.client_error_rate, regression.client_errors);
  add("clientAborts", traffic.client_abort_rate, regression.client_aborts);
  constexpr double kAll = 1 + 1e-9;
  if (sum <= kAll) return {};
  return names + " come to " + percent(100 * sum) + " of the candidate's requests; expected 100 % at most";
}

namespace {

// What the guards and budgets in force look at.
class Looked {
 public:
  explicit Looked(const config::Rollout& policy) : policy_(policy) {}

  bool at(config::GuardMetric metric) const {
    return any([&](const config::Guard& guard) { return guard.metric == metric; });
  }
  // A quantile sees nothing of what happens to slower requests alone.
  bool at_times(double from) const {
    return at(config::GuardMetric::kTokensPerSecond) ||
           any([&](const config::Guard& guard) { return config::is_time(guard) && guard.quantile >= from; });
  }
  bool at_scores(bool binary) const {
    return any([&](const config::Guard& guard) {
      return guard.metric == config::GuardMetric::kFeedback && guard.scoring.binary == binary;
    });
  }
  bool at_failures() const { return policy_.max_exposure.excess_failures || policy_.max_exposure.failed_requests; }
  bool at_costs() const { return policy_.max_exposure.extra_cost || at(config::GuardMetric::kCostPerRequest); }

 private:
  template <class Is>
  bool any(const Is& is) const {
    const std::vector<config::Guard>& guards = policy_.analysis.guards;
    return policy_.analysis.enabled && std::any_of(guards.begin(), guards.end(), is);
  }

  const config::Rollout& policy_;
};

}  // namespace

std::vector<std::string_view> unseen(const analysis::sim::Regression& regression, const config::Rollout& policy) {
  using config::GuardMetric;
  const Looked looked(policy);
  const bool times = looked.at_times(0);
  std::vector<std::string_view> names;
  const auto add = [&](std::string_view name, bool is_wrong, bool is_seen) {
    if (is_wrong && !is_seen) names.push_back(name);
  };
  add("errors", is_set(regression.errors), looked.at(GuardMetric::kErrorRate) || looked.at_failures());
  add("capacity", is_set(regression.capacity), looked.at(GuardMetric::kCapacityRate) || looked.at_failures());
  add("clientErrors", is_set(regression.client_errors), looked.at(GuardMetric::kClientErrorRate));
  add("clientAborts", is_set(regression.client_aborts), looked.at(GuardMetric::kClientAbortRate));
  add("latency", regression.latency_factor != 1, times);
  add("p99", regression.tail_factor != 1, looked.at_times(kTailFrom));
  add("slowInputs", regression.slow_share != 0, times);
  add("tokens", regression.tokens_factor != 1, looked.at(GuardMetric::kTokensPerRequest) || looked.at_costs());
  add("cost", regression.cost_factor != 1, looked.at(GuardMetric::kCostPer1kTokens) || looked.at_costs());
  add("relevance", regression.relevance_less != 0, looked.at_scores(false));
  add("hallucinations", is_set(regression.hallucinations), looked.at_scores(true));
  return names;
}

}  // namespace weir::app
