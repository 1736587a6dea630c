#include "app/simulate.h"

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/sim/rehearsal.h"
#include "app/cli/figures.h"
#include "app/explain/reckoning.h"
#include "app/plan_file.h"
#include "app/regressions.h"
#include "app/simulation_report.h"
#include "config/units.h"

namespace weir::app {
namespace {

namespace sim = analysis::sim;

// However slow a plan, this is enough to see where it leads.
constexpr analysis::Seconds kLongest{30.0 * 24 * 3600};

// A wrong argument: what, said so that the user can put it right.
struct Wrong {
  std::string what;
};

// What real users are like is somebody's guess: these differ, as STATISTICS.md 6.0 has them, unless told not to.
void apply_traffic_word(std::string_view word, sim::Traffic& traffic) {
  traffic.sticky = word != "even";
  traffic.drift = word == "drift";
  if (word == "storms") traffic.storm_share = 1.0 / 8;
}

std::optional<Wrong> read_arguments(const SimulateArguments& arguments, sim::WorldSpec& spec) {
  sim::Traffic& traffic = spec.traffic;
  traffic.users = arguments.users;
  apply_traffic_word(arguments.traffic, traffic);
  if (spec.policy.strategy == config::Strategy::kShadow) {
    return Wrong{"strategy shadow: no user meets " + printable(spec.policy.candidate) +
                 ", and there is nothing to decide about it; strategy: canary can be simulated"};
  }
  if (spec.policy.strategy == config::Strategy::kAa && !arguments.regress.empty()) {
    return Wrong{"--regress: the rollout compares " + printable(spec.policy.baseline) +
                 " with itself, and no candidate can be worse"};
  }
  for (const std::string& text : arguments.regress) {
    const std::string wrong = add_regression(text, traffic, spec.regression);
    if (!wrong.empty()) return Wrong{"--regress " + wrong};
  }
  const std::string too_much = impossible_sum(traffic, spec.regression);
  if (!too_much.empty()) return Wrong{"--regress: " + too_much};
  if (arguments.after.empty()) return std::nullopt;
  const std::optional<config::Duration> after = config::parse_duration(arguments.after);
  if (!after || *after == config::kNever) {
    return Wrong{"--after: \"" + printable(arguments.after) + "\" is no duration, as 30m or 2h"};
  }
  if (arguments.regress.empty()) return Wrong{"--after says when a --regress begins, and there is none"};
  spec.regression.after = *after;
  return std::nullopt;
}

// As `weir explain` reckons with it, at 100 requests/s where nobody says how many there are.
Reckoning traffic_of(const std::string& service, const TrafficArguments& given, const config::Config& config) {
  constexpr double kAssumedRps = 100;
  const auto at = config.services.find(service);
  const bool planned = at != config.services.end() && at->second.traffic.has_value();
  config::ExpectedTraffic assumed{.requests_per_second = kAssumedRps, .errors = {}, .p50 = {}};
  Reckoning out = reckon({.given = given, .planned = planned ? &*at->second.traffic : &assumed});
  if (!planned && !given.rps) out.rps_from = "assumed";
  return out;
}

std::optional<Wrong> apply_traffic(const Reckoning& reckoning, sim::WorldSpec& spec) {
  sim::Traffic& traffic = spec.traffic;
  traffic.rps = reckoning.traffic.rps;
  if (reckoning.errors >= 1) {
    return Wrong{"errors of 100% (" + reckoning.errors_from +
                 "): where the baseline fails every request, nobody is worse; "
                 "--baseline-errors takes less"};
  }
  traffic.error_rate = reckoning.errors;
  const auto rate = [&](BinaryMetric metric) { return reckoning.traffic.rates[static_cast<std::size_t>(metric)]; };
  traffic.capacity_rate = rate(BinaryMetric::kCapacityRate);
  traffic.client_error_rate = rate(BinaryMetric::kClientErrorRate);
  traffic.client_abort_rate = rate(BinaryMetric::kClientAbortRate);
  traffic.median_latency_s = std::chrono::duration<double>(reckoning.p50).count();
  traffic.scored_share = reckoning.traffic.scored_share;
  traffic.scored_after = analysis::Seconds(reckoning.traffic.scored_after_s);
  spec.before = analysis::Seconds(reckoning.before_s);
  return std::nullopt;
}

std::optional<Wrong> choose_rollout(const config::Config& config, const std::string& wanted, sim::WorldSpec& spec) {
  std::string known;
  for (const auto& [service, rollout] : config.rollouts) known += (known.empty() ? "" : ", ") + service;
  if (config.rollouts.empty()) return Wrong{"the plan has no rollout: there is nothing to simulate"};
  if (wanted.empty() && config.rollouts.size() > 1) return Wrong{"say which rollout: SERVICE is one of " + known};
  const auto chosen = wanted.empty() ? config.rollouts.begin() : config.rollouts.find(wanted);
  if (chosen == config.rollouts.end()) {
    return Wrong{"the plan has no rollout of \"" + printable(wanted) + "\"; it has " + known};
  }
  spec.service = chosen->first;
  spec.policy = chosen->second;
  return std::nullopt;
}

class Progress {
 public:
  Progress(const Terminal& terminal, std::uint32_t runs) : shown_(terminal.err_is_terminal && runs > 1), runs_(runs) {}
  ~Progress() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(std::uint32_t done) const {
    if (!shown_) return;
    const std::string blocks = bar(static_cast<double>(done) / runs_, 30);
    std::fprintf(stderr, "\r%s %u of %u", blocks.c_str(), done, runs_);
  }

 private:
  bool shown_;
  std::uint32_t runs_;
};

}  // namespace

int simulate(const Invocation& invocation, const Terminal& terminal) {
  const SimulateArguments& arguments = invocation.simulate;
  const PlanFile plan = read_plan_file(invocation.file);
  if (!plan.ok()) {
    for (const std::string& line : plan.messages()) std::fprintf(stderr, "%s\n", line.c_str());
    return kExitUsage;
  }
  sim::WorldSpec spec;
  std::optional<Wrong> wrong = choose_rollout(*plan.loaded.config, invocation.service, spec);
  const Reckoning reckoning = traffic_of(spec.service, invocation.traffic, *plan.loaded.config);
  if (!wrong) wrong = apply_traffic(reckoning, spec);
  if (!wrong) wrong = read_arguments(arguments, spec);
  if (wrong) {
    print_error(terminal, wrong->what, "Run `weir simulate --help` for what it takes.");
    return kExitUsage;
  }
  Simulation simulation{.service = spec.service,
                        .policy = spec.policy,
                        .arguments = arguments,
                        .reckoning = reckoning,
                        .regressed_after = spec.regression.after,
                        .unseen = unseen(spec.regression, spec.policy),
                        .runs = {}};
  const auto began = std::chrono::steady_clock::now();
  {
    const Progress progress(terminal, arguments.runs);
    for (std::uint32_t i = 0; i < arguments.runs; ++i) {
      progress.at(i);
      spec.seed = arguments.seed + i;
      simulation.runs.push_back(sim::play(spec, kLongest));
    }
  }
  simulation.wall = std::chrono::steady_clock::now() - began;
  const std::string report =
      invocation.format == "json" ? report_json(simulation) : report_text(simulation, terminal.out_colour);
  std::fwrite(report.data(), 1, report.size(), stdout);
  return kExitOk;
}

}  // namespace weir::app
