#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "bench/decisions/at_margin.h"
#include "bench/decisions/cells.h"
#include "bench/decisions/rules.h"

namespace weir::bench {
namespace {

using analysis::GuardStatus;
using analysis::Seconds;
using analysis::sim::Asked;
using analysis::sim::Population;
using analysis::sim::Reply;
using analysis::sim::Request;
using analysis::sim::Trial;
using analysis::sim::TrialRun;
using analysis::sim::Tried;
using analysis::sim::User;

constexpr double kGateLimit_s = 6 * 3'600;

json::Value or_null(std::optional<double> seconds) { return seconds ? json::Value(*seconds) : json::Value(); }

std::optional<double> in_seconds(const std::optional<Seconds>& time) {
  return time ? std::optional(time->count()) : std::nullopt;
}

// The same requests as the trial's world, with no analyzer in it: each rule is asked what it would do if nobody else
// had rolled back.
class Onlooker {
 public:
  explicit Onlooker(const Trial& trial) : trial_(trial), population_(trial.traffic, trial.seed) {}

  // `each`: every request of the rollout; `second`: after all of each whole second.
  template <class Each, class Second>
  void watch(Each each, Second second) {
    const double end_s = trial_.length.count();
    std::int64_t passed = 0;
    while (true) {
      const Request request = population_.take();
      const double at_s = request.at_s - trial_.before.count();
      while (static_cast<double>(passed + 1) <= std::min(at_s, end_s)) {
        if (!second(++passed)) return;
      }
      if (at_s >= end_s) return;
      const Seen seen = seen_of(request, at_s);
      if (at_s >= 0) each(seen);
    }
  }

 private:
  double weight_at(double at_s) const {
    if (at_s < 0) return 0;
    const auto steps = static_cast<double>(trial_.weights.size());
    return trial_.weights[static_cast<std::size_t>(at_s / trial_.length.count() * steps)];
  }
  Seen seen_of(const Request& request, double at_s) {
    const User& user = population_.user(request.user);
    const double weight = weight_at(at_s);
    const double place = static_cast<double>(user.bucket_ppm) / kMillion;
    const bool candidate = place < weight;
    const Asked asked{.request = request, .user = user, .climate = population_.climate(request.at_s)};
    const Reply given = answer(asked, trial_.traffic, candidate ? &trial_.regression : nullptr);
    const bool failed = given.outcome == OutcomeClass::kHttp5xx;
    if (failed) population_.failed(request);
    return {.at_s = at_s,
            .arm = candidate ? Arm::kCandidate : Arm::kBaseline,
            .slice = place >= 1 - weight,
            .failed = failed,
            .latency_s = given.latency_s};
  }

  Trial trial_;
  Population population_;
};

void ask_rules(const Trial& trial, const RuleOptions& options, json::Object& into) {
  const std::vector<std::unique_ptr<Rule>> rules = make_rules(options);
  std::vector<std::optional<double>> fired(rules.size());
  Onlooker onlooker(trial);
  onlooker.watch(
      [&](const Seen& seen) {
        for (const auto& rule : rules) rule->add(seen);
      },
      [&](std::int64_t second) {
        for (std::size_t i = 0; i < rules.size(); ++i) {
          const bool fires = rules[i]->at_second(second);
          if (fires && !fired[i]) fired[i] = static_cast<double>(second);
        }
        return std::any_of(fired.begin(), fired.end(), [](const auto& at) { return !at; });
      });
  for (std::size_t i = 0; i < rules.size(); ++i) into.set(rules[i]->name(), or_null(fired[i]));
}

json::Object run_rollback(const Cell& cell, const Trial& trial) {
  const Tried tried = run(trial);
  json::Object out{{"weir", or_null(in_seconds(tried.rolled_back))},
                   {"candidate_requests", tried.candidate_requests},
                   {"because", tried.because.substr(0, tried.because.find(':'))},
                   {"alarm", tried.alarm.substr(0, tried.alarm.find(':'))}};
  const double look_s = cell.family == Cell::Family::kDetection ? 3'600 : trial.length.count();
  ask_rules(trial, {.fixed_look_s = static_cast<std::int64_t>(look_s)}, out);
  return out;
}

json::Object run_simpson(const Trial& trial) {
  const Tried tried = run(trial);
  json::Object out{{"weir", or_null(in_seconds(tried.rolled_back))}};
  std::array<double, kArmCount> n{}, x{};
  Onlooker onlooker(trial);
  onlooker.watch(
      [&](const Seen& seen) {
        const auto arm = static_cast<std::size_t>(seen.arm);
        n[arm] += 1;
        x[arm] += seen.failed ? 1 : 0;
      },
      [](std::int64_t) { return true; });
  const double pooled = (x[0] + x[1]) / (n[0] + n[1]);
  const double z = (x[1] / n[1] - x[0] / n[0]) / std::sqrt(pooled * (1 - pooled) * (1 / n[0] + 1 / n[1]));
  out.set("pooled_ratio", x[1] / n[1] / (x[0] / n[0]));
  out.set("pooled_z", z);
  return out;
}

// When each gate passes for the first time, and when all have passed at once.
struct GateTimes {
  std::vector<std::optional<double>> each;
  std::optional<double> all;
};

GateTimes pass_gates(const Trial& trial) {
  TrialRun trial_run(trial);
  GateTimes passed;
  passed.each.resize(trial.guards.size());
  while (!passed.all && trial_run.world().now().count() < kGateLimit_s && trial_run.tick()) {
    const std::vector<GuardStatus> guards = trial_run.world().rollout().guards();
    bool every = !guards.empty();
    for (std::size_t i = 0; i < guards.size(); ++i) {
      every = every && guards[i].gate_passed;
      if (guards[i].gate_passed && !passed.each[i]) passed.each[i] = trial_run.world().now().count();
    }
    if (every) passed.all = trial_run.world().now().count();
  }
  return passed;
}

json::Object run_advance(const Trial& trial) {
  json::Object out;
  const GateTimes seven = pass_gates(trial);
  for (std::size_t i = 0; i < kSevenGuards.size(); ++i) out.set(kSevenGuards[i], or_null(seven.each[i]));
  for (const auto& [name, rate] : {std::pair("error_1%", 0.01), std::pair("error_5%", 0.05)}) {
    Trial errors = trial;
    errors.guards = {trial.guards.front()};
    errors.traffic.quality = false;
    errors.traffic.error_rate = rate;
    out.set(name, or_null(pass_gates(errors).all));
  }
  out.set("all", or_null(seven.all));
  return out;
}

// The truth is exactly what the step no longer allows; what passes is a false advance. Nothing may roll it back before.
json::Object run_false_advance(Trial trial) {
  trial.max_false_rollback = 1e-300;
  TrialRun healthy(trial);
  for (int i = 0; i < 3; ++i) healthy.tick();
  trial.regression = at_margin(healthy.world().rollout().guards().front(), trial.traffic);
  return {{"passed", or_null(pass_gates(trial).all)}};
}

}  // namespace

json::Value run_cell(const Cell& cell, std::uint64_t seed) {
  Trial trial = cell.trial;
  trial.seed = seed;
  switch (cell.family) {
    case Cell::Family::kFalseRollback:
    case Cell::Family::kDetection:
      return run_rollback(cell, trial);
    case Cell::Family::kSimpson:
      return run_simpson(trial);
    case Cell::Family::kAdvance:
      return run_advance(trial);
    case Cell::Family::kFalseAdvance:
      return run_false_advance(trial);
  }
  return {};
}

}  // namespace weir::bench
