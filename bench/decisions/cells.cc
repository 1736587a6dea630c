#include "bench/decisions/cells.h"

#include <array>
#include <cmath>
#include <utility>

#include "config/units.h"

namespace weir::bench {
namespace {

using analysis::Seconds;
using analysis::sim::Regression;
using analysis::sim::Traffic;
using analysis::sim::Trial;
using Family = Cell::Family;

const std::vector<double> kRamp{0.01, 0.05, 0.25, 0.5};
constexpr double kMillionRequests_rps = 92.6;  // in three hours

Cell cell_of(std::string name, Family family, int runs) {
  Cell cell;
  cell.name = std::move(name);
  cell.family = family;
  cell.runs = runs;
  cell.trial.guards = analysis::sim::section_six_guards();
  return cell;
}

struct Scenario {
  const char* name;
  std::vector<double> weights;
  double errors;
  bool sticky = false;
  bool drift = false;
  bool storms = false;
  double incidents = 0;
  int runs = 500;
  bool all_seven = false;  // is run with these metrics too
};

// 6.1, with nothing allowed: the truth is on the boundary. With errors and latencies alone; where `all_seven`, with
// scores and tokens too: a fifth of the answers is scored, two minutes later.
Cell boundary_cell(const Scenario& scenario, bool all_seven) {
  const std::string name = scenario.name;
  Cell cell = cell_of(all_seven ? name + "_all_seven" : name, Family::kFalseRollback, all_seven ? 500 : scenario.runs);
  if (all_seven) cell.trial.guards = analysis::sim::section_six_guards_of_quality();
  cell.trial.guards = analysis::sim::without_margins(cell.trial.guards);
  cell.trial.weights = scenario.weights;
  Traffic& traffic = cell.trial.traffic;
  traffic.rps = kMillionRequests_rps;
  traffic.quality = all_seven;
  traffic.error_rate = scenario.errors;
  traffic.sticky = scenario.sticky;
  traffic.drift = scenario.drift;
  traffic.incidents = scenario.incidents;
  if (scenario.storms) traffic.storm_share = 1.0 / 8;
  if (name == "few_users_w5") traffic.users = 1'000;
  if (name == "lowrate_1rps_w5") {
    traffic.rps = 1;
    cell.trial.length = traffic.span = Seconds(24 * 3'600);
  }
  return cell;
}

void add_false_rollbacks(std::vector<Cell>& cells) {
  const Scenario scenarios[] = {
      {.name = "iid_w1_p0.1%", .weights = {0.01}, .errors = 0.001},
      {.name = "iid_w5_p0.1%", .weights = {0.05}, .errors = 0.001, .all_seven = true},
      {.name = "iid_w50_p1%", .weights = {0.5}, .errors = 0.01},
      {.name = "iid_w1_p0.005%", .weights = {0.01}, .errors = 0.00005},
      {.name = "lowrate_1rps_w5", .weights = {0.05}, .errors = 0.002},
      {.name = "drift_w5",
       .weights = {0.05},
       .errors = 0.005,
       .drift = true,
       .incidents = 3,
       .runs = 1'000,
       .all_seven = true},
      {.name = "ramp_drift", .weights = kRamp, .errors = 0.005, .drift = true, .runs = 1'000, .all_seven = true},
      {.name = "sticky_w5_p1%", .weights = {0.05}, .errors = 0.01, .sticky = true, .runs = 1'000, .all_seven = true},
      {.name = "sticky_w1_p1%", .weights = {0.01}, .errors = 0.01, .sticky = true},
      {.name = "ramp_drift_sticky", .weights = kRamp, .errors = 0.005, .sticky = true, .drift = true, .incidents = 2},
      {.name = "few_users_w5", .weights = {0.05}, .errors = 0.01, .sticky = true},
      {.name = "storms_w5_p0.1%", .weights = {0.05}, .errors = 0.001, .storms = true, .runs = 1'000, .all_seven = true},
      {.name = "ramp_storms_sticky", .weights = kRamp, .errors = 0.003, .sticky = true, .storms = true},
  };
  for (const Scenario& scenario : scenarios) cells.push_back(boundary_cell(scenario, false));
  for (const Scenario& scenario : scenarios) {
    if (scenario.all_seven) cells.push_back(boundary_cell(scenario, true));
  }
}

// 6.3, at 100 requests a second.
void add_detections(std::vector<Cell>& cells) {
  struct Effect {
    const char* name;
    double errors;
    analysis::Regression explained;
    Regression regression;
  };
  using Kind = analysis::Regression::Kind;
  std::array<Effect, 8> effects{{{"fail_100%", 0.001, {Kind::kTotalFailure, 1}, {}},
                                 {"error_0.1%_1%", 0.001, {Kind::kErrors, 10}, {}},
                                 {"error_0.1%_5%", 0.001, {Kind::kErrors, 50}, {}},
                                 {"error_1%_2%", 0.01, {Kind::kErrors, 2}, {}},
                                 {"p99_x1.5", 0.001, {Kind::kSlowTail, 1.5}, {}},
                                 {"p99_x2", 0.001, {Kind::kSlowTail, 2}, {}},
                                 {"latency_+10%", 0.001, {Kind::kSlower, 1.1}, {}},
                                 {"5%_inputs_x10", 0.001, {Kind::kSlowInputs, 0.05}, {}}}};
  effects[0].regression.errors.extra = 1;
  effects[1].regression.errors.factor = 10;
  effects[2].regression.errors.factor = 50;
  effects[3].regression.errors.factor = 2;
  effects[4].regression.tail_factor = 1.5;
  effects[5].regression.tail_factor = 2;
  effects[6].regression.latency_factor = 1.1;
  effects[7].regression.slow_share = 0.05;
  for (const Effect& effect : effects) {
    for (const double weight : {0.05, 0.01}) {
      Cell cell = cell_of(std::string(effect.name) + (weight > 0.02 ? "_w5" : "_w1"), Family::kDetection, 200);
      cell.trial.weights = {weight};
      cell.trial.tick = Milliseconds(100);
      cell.trial.traffic.error_rate = effect.errors;
      cell.trial.regression = effect.regression;
      cell.explained = effect.explained;
      cells.push_back(std::move(cell));
    }
  }
}

// 6.3's regressions of what answers are, every one of which is scored at once.
void add_quality_detections(std::vector<Cell>& cells) {
  struct Effect {
    const char* name;
    analysis::Regression explained;
    Regression regression;
  };
  using Kind = analysis::Regression::Kind;
  std::array<Effect, 3> effects{{{"halluc_2%_4%", {Kind::kMoreBad, 2}, {}},
                                 {"relevance_.80_.75", {Kind::kWorseScores, 0.05}, {}},
                                 {"tokens_+15%", {Kind::kMoreTokens, 1.15}, {}}}};
  effects[0].regression.hallucinations.factor = 2;
  effects[1].regression.relevance_less = 0.05;
  effects[2].regression.tokens_factor = 1.15;
  for (const Effect& effect : effects) {
    for (const double weight : {0.05, 0.01}) {
      Cell cell = cell_of(std::string(effect.name) + (weight > 0.02 ? "_w5" : "_w1"), Family::kDetection, 200);
      cell.trial.guards = analysis::sim::section_six_guards_of_quality();
      cell.trial.weights = {weight};
      cell.trial.tick = Milliseconds(100);
      cell.trial.traffic.quality = true;
      cell.trial.traffic.scored_share = 1;
      cell.trial.traffic.scored_after = Seconds(0);
      cell.trial.regression = effect.regression;
      cell.explained = effect.explained;
      cells.push_back(std::move(cell));
    }
  }
}

// 6.4.
void add_simpsons(std::vector<Cell>& cells) {
  for (const bool rises : {true, false}) {
    for (const bool worse : {false, true}) {
      Cell cell = cell_of(std::string("simpson_") + (rises ? "rises_" : "falls_") + (worse ? "1.6x" : "aa"),
                          Family::kSimpson, 500);
      Trial& trial = cell.trial;
      if (!worse) trial.guards = analysis::sim::without_margins(trial.guards);
      trial.weights = kRamp;
      trial.traffic.rps = kMillionRequests_rps;
      trial.traffic.span = trial.length + trial.before;
      trial.traffic.error_rate = rises ? 0.003 : 0.03;
      trial.traffic.error_trend = rises ? 10 : 0.1;
      if (worse) trial.regression.errors.factor = 1.6;
      cells.push_back(std::move(cell));
    }
  }
}

constexpr std::array<std::pair<double, double>, 4> kSteps{{{0.01, 0.05}, {0.05, 0.25}, {0.25, 0.5}, {0.5, 1}}};

// A step of one weight, whose next is the second: it is not climbed to within the trial.
Cell step_cell(std::string name, Family family, std::pair<double, double> step) {
  Cell cell = cell_of(std::move(name), family, family == Family::kAdvance ? 200 : 500);
  cell.trial.weights = {step.first};
  if (step.second < 1) cell.trial.weights.push_back(step.second);
  cell.trial.length = Seconds(12 * 3'600);  // of which the first step has half
  return cell;
}

std::string step_name(std::pair<double, double> step) {
  const auto percent = [](double share) { return std::to_string(std::lround(share * 100)); };
  return percent(step.first) + "_to_" + percent(step.second);
}

// 6.5. A fifth of the answers is scored, two minutes later.
void add_advances(std::vector<Cell>& cells) {
  for (const int rps : {1, 10, 100, 1'000}) {
    for (const auto& step : kSteps) {
      Cell cell = step_cell("advance_" + std::to_string(rps) + "rps_" + step_name(step), Family::kAdvance, step);
      cell.trial.guards = analysis::sim::section_six_guards_of_quality();
      cell.trial.traffic.quality = true;
      cell.trial.traffic.rps = rps;
      cells.push_back(std::move(cell));
    }
  }
}

Cell false_advance_cell(const std::string& what, std::size_t guard, std::pair<double, double> step) {
  Cell cell = step_cell("false_advance_" + what + "_" + step_name(step), Family::kFalseAdvance, step);
  cell.trial.guards = {analysis::sim::section_six_guards_of_quality()[guard]};
  cell.trial.traffic.quality = guard >= analysis::sim::section_six_guards().size();
  cell.trial.traffic.rps = 20;
  return cell;
}

// 6.5, its last lines. The one with sticky users is of the end of 6.3.
void add_false_advances(std::vector<Cell>& cells) {
  constexpr std::array<std::pair<const char*, double>, 2> kMoreErrors{{{"error_1%", 0.01}, {"error_5%", 0.05}}};
  for (const auto& step : kSteps) {
    for (std::size_t guard = 0; guard < kSevenGuards.size(); ++guard) {
      cells.push_back(false_advance_cell(kSevenGuards[guard], guard, step));
    }
    for (const auto& [what, rate] : kMoreErrors) {
      cells.push_back(false_advance_cell(what, 0, step));
      cells.back().trial.traffic.error_rate = rate;
    }
  }
  cells.push_back(false_advance_cell("error_1%_sticky", 0, {0.05, 0.25}));
  cells.back().trial.traffic.error_rate = 0.01;
  cells.back().trial.traffic.sticky = true;
}

}  // namespace

std::string_view to_string(Cell::Family family) {
  constexpr std::array<std::string_view, 5> kWords = {"false_rollback", "detection", "simpson", "advance",
                                                      "false_advance"};
  return kWords[static_cast<std::size_t>(family)];
}

analysis::TimeSpan explained(const Cell& cell) {
  const Trial& trial = cell.trial;
  config::Rollout rollout;
  rollout.analysis.guards = trial.guards;
  rollout.analysis.max_false_rollback = trial.max_false_rollback;
  const auto whole = config::Duration(static_cast<std::int64_t>(1'000 * trial.length.count()));
  rollout.steps = {{.weight_ppm = static_cast<std::uint32_t>(std::lround(trial.weights.front() * kMillion)),
                    .stages = {config::Hold{.at_least = whole, .at_most = whole}}}};
  analysis::BaselineTraffic traffic;
  traffic.rps = trial.traffic.rps;
  traffic.rates.fill(trial.traffic.error_rate);
  traffic.latency_history = trial.traffic.rps * trial.before.count();
  analysis::assume_latency(traffic, 1e6 * trial.traffic.median_latency_s);
  return first_detection(rollout, traffic, cell.explained).found_s;
}

std::vector<Cell> all_cells() {
  std::vector<Cell> cells;
  add_false_rollbacks(cells);
  add_detections(cells);
  add_quality_detections(cells);
  add_simpsons(cells);
  add_advances(cells);
  add_false_advances(cells);
  return cells;
}

}  // namespace weir::bench
