#include "app/simulation_report.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "app/cli/figures.h"
#include "app/cli/terminal.h"
#include "base/json.h"
#include "config/units.h"

namespace weir::app {
namespace {

using analysis::Seconds;
using analysis::sim::Ending;
using analysis::sim::Played;

// "1:02:33", with tenths where they matter.
std::string clock_of(Seconds time) {
  const auto tenths = std::llround(time.count() * 10);
  const auto seconds = tenths / 10;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld.%lld", seconds / 3600, seconds / 60 % 60, seconds % 60,
                tenths % 10);
  return text.data();
}

struct Summary {
  std::array<std::size_t, analysis::sim::kEndingCount> endings{};
  std::size_t falsely = 0;     // rolled back before anything was wrong
  std::size_t overspent = 0;   // rolled back by a budget, which is no test, and so never falsely
  std::vector<double> delays;  // of the other rollbacks, ascending, from when something was
  std::uint64_t requests = 0;
};

Summary summary_of(const Simulation& simulation) {
  Summary out;
  const bool healthy = simulation.arguments.regress.empty();
  for (const Played& run : simulation.runs) {
    ++out.endings[static_cast<std::size_t>(run.ending)];
    out.requests += run.requests;
    const auto is_alarm = [](const analysis::sim::TimelineEntry& entry) { return entry.decision == "alarm"; };
    if (std::any_of(run.timeline.begin(), run.timeline.end(), is_alarm)) ++out.falsely;
    if (run.ending != Ending::kRolledBack) continue;
    const bool by_budget = !run.timeline.empty() && run.timeline.back().rule == "budget";
    if (by_budget) ++out.overspent;
    if (by_budget && (healthy || run.took < simulation.regressed_after)) continue;
    if (healthy || run.took < simulation.regressed_after) {
      ++out.falsely;
    } else {
      out.delays.push_back((run.took - simulation.regressed_after).count());
    }
  }
  std::sort(out.delays.begin(), out.delays.end());
  return out;
}

// Of all runs; unset when fewer than that share was rolled back at all.
std::optional<double> delay_of(const Summary& summary, double share, std::size_t runs) {
  const auto at = static_cast<std::size_t>(std::ceil(share * static_cast<double>(runs)));
  if (at == 0 || at > summary.delays.size()) return std::nullopt;
  return summary.delays[at - 1];
}

bool is_scored(const config::Rollout& policy) {
  const std::vector<config::Guard>& guards = policy.analysis.guards;
  return std::any_of(guards.begin(), guards.end(),
                     [](const config::Guard& guard) { return guard.metric == config::GuardMetric::kFeedback; });
}

std::string assumptions(const Simulation& simulation) {
  const Reckoning& with = simulation.reckoning;
  std::string out = "assumed: the baseline has been alone for " + time_words(with.before_s);
  if (is_scored(simulation.policy)) {
    out += "; of scores, that " + scored_words(100 * with.traffic.scored_share, with.traffic.scored_after_s);
  }
  out += "\n";
  for (const std::string_view name : simulation.unseen) {
    out += "not looked at: " + std::string(name) + ", by no guard of the plan and no budget: nothing will find it\n";
  }
  return out;
}

json::Object traffic_json(const Simulation& simulation) {
  const Reckoning& with = simulation.reckoning;
  return {{"requests_per_second", with.traffic.rps},
          {"requests_per_second_from", with.rps_from},
          {"error_percent", 100 * with.errors},
          {"error_percent_from", with.errors_from},
          {"p50_ms", std::chrono::duration<double, std::milli>(with.p50).count()},
          {"latency_from", with.latency_from},
          {"baseline_alone_s", with.before_s},
          {"scored_percent", 100 * with.traffic.scored_share},
          {"scored_after_s", with.traffic.scored_after_s}};
}

std::string headline(const Simulation& simulation) {
  const SimulateArguments& arguments = simulation.arguments;
  std::string wrong;
  for (const std::string& text : arguments.regress) wrong += (wrong.empty() ? "" : ", ") + text;
  if (!arguments.after.empty()) wrong += " after " + arguments.after;
  const Reckoning& with = simulation.reckoning;
  const auto from = [](const std::string& whom) { return " (" + whom + ")"; };
  const bool aa = simulation.policy.strategy == config::Strategy::kAa;
  return simulation.service + ": " + simulation.policy.baseline +
         (aa ? " against itself" : " to " + simulation.policy.candidate) + ", " + rate_words(with.traffic.rps) +
         " requests/s" + from(with.rps_from) + " of " + with_commas(arguments.users) + " users (" + arguments.traffic +
         "), baseline errors " + percent(100 * with.errors) + from(with.errors_from) + ", latency p50 " +
         milliseconds(std::chrono::duration<double, std::milli>(with.p50).count()) + from(with.latency_from) +
         (aa ? "" : ", candidate " + (wrong.empty() ? "healthy" : wrong)) + "\n" + assumptions(simulation);
}

std::string ending_words(const Played& run) {
  switch (run.ending) {
    case Ending::kPromoted:
      return "promoted";
    case Ending::kRolledBack:
      return "rolled back";
    case Ending::kPaused:
      return "paused, until somebody resumes it,";
    case Ending::kReported:
      return "reported";
    case Ending::kUnfinished:
      break;
  }
  return "still under way";
}

std::string timeline_text(const Played& run, bool colour) {
  std::string out;
  for (const analysis::sim::TimelineEntry& entry : run.timeline) {
    const Tint tint = entry.decision == "rollback"  ? Tint::kRed
                      : entry.decision == "promote" ? Tint::kGreen
                      : entry.decision == "pause"   ? Tint::kYellow
                                                    : Tint::kPlain;
    out += padded(clock_of(entry.at), 11) + "  " + padded(percent(entry.weight_percent), 7) + "  " +
           tinted(padded(entry.decision, 8), tint, colour) + "  " + entry.reason + "\n";
  }
  return out;
}

std::string speed_text(const Simulation& simulation, const Summary& summary) {
  std::array<char, 120> text{};
  const double millions = static_cast<double>(summary.requests) / 1e6;
  std::snprintf(text.data(), text.size(), "%.1f million requests simulated in %.1f s\n", millions,
                simulation.wall.count());
  return text.data();
}

std::string runs_text(const Simulation& simulation, const Summary& summary) {
  const std::size_t runs = simulation.runs.size();
  const auto part = [&](std::size_t count) {
    return std::to_string(count) + " of " + std::to_string(runs) + " (" +
           percent(100 * static_cast<double>(count) / static_cast<double>(runs)) + ")";
  };
  const bool healthy = simulation.arguments.regress.empty();
  std::string out = "seeds " + std::to_string(simulation.arguments.seed) + " to " +
                    std::to_string(simulation.arguments.seed + runs - 1) + "\n";
  const bool aa = simulation.policy.strategy == config::Strategy::kAa;
  if (!aa) out += "rolled back  " + part(summary.endings[1]) + "\n";
  if (simulation.policy.max_exposure.limits()) {
    out += "             " + part(summary.overspent) + " by maxExposure, which stands outside maxFalseRollback\n";
  }
  if (!aa) out += "promoted     " + part(summary.endings[0]) + "\n";
  out += "paused       " + part(summary.endings[2]) + "\n";
  if (summary.endings[3] > 0) out += "unfinished   " + part(summary.endings[3]) + "\n";
  out += "falsely      " + part(summary.falsely) +
         (aa ? " alarmed, though both arms are the same version; the plan allows "
             : " rolled back while nothing was wrong; the plan allows ") +
         config::format_share(simulation.policy.analysis.max_false_rollback) + " in a day\n";
  if (healthy) return out;
  const std::optional<double> median = delay_of(summary, 0.5, runs), most = delay_of(summary, 0.95, runs);
  out += "rollback     " + (median ? "after " + clock_of(Seconds(*median)) : "of fewer than half of the runs") +
         (median ? " in the median, " : "; ") +
         (most ? "within " + clock_of(Seconds(*most)) + " in 95 %" : "not in 95 % of the runs") + "\n";
  return out;
}

json::Value timeline_json(const Played& run) {
  json::Array out;
  for (const analysis::sim::TimelineEntry& entry : run.timeline) {
    out.push_back(json::Object{{"at_s", entry.at.count()},
                               {"decision", entry.decision},
                               {"rule", entry.rule},
                               {"reason", entry.reason},
                               {"weight_percent", entry.weight_percent}});
  }
  return out;
}

json::Value number_or_null(std::optional<double> value) { return value ? json::Value(*value) : json::Value(); }

}  // namespace

std::string report_text(const Simulation& simulation, bool colour) {
  const Summary summary = summary_of(simulation);
  std::string out = headline(simulation);
  if (simulation.runs.size() == 1) {
    const Played& run = simulation.runs.front();
    out += timeline_text(run, colour) + ending_words(run) + " after " + clock_of(run.took) + ", " +
           with_commas(static_cast<std::int64_t>(run.requests)) + " requests, " +
           with_commas(static_cast<std::int64_t>(run.candidate_requests)) + " of them the candidate's; seed " +
           std::to_string(simulation.arguments.seed) + "\n";
  } else {
    out += runs_text(simulation, summary);
  }
  return out + speed_text(simulation, summary);
}

std::string report_json(const Simulation& simulation) {
  const Summary summary = summary_of(simulation);
  const std::size_t runs = simulation.runs.size();
  json::Array list;
  for (std::size_t i = 0; i < runs; ++i) {
    const Played& run = simulation.runs[i];
    list.push_back(json::Object{{"seed", simulation.arguments.seed + i},
                                {"ending", to_string(run.ending)},
                                {"took_s", run.took.count()},
                                {"requests", run.requests},
                                {"candidate_requests", run.candidate_requests},
                                {"timeline", timeline_json(run)}});
  }
  json::Array unseen;
  for (const std::string_view name : simulation.unseen) unseen.push_back(name);
  const json::Object totals{{"rolled_back", summary.endings[1]},
                            {"promoted", summary.endings[0]},
                            {"paused", summary.endings[2]},
                            {"unfinished", summary.endings[3]},
                            {"falsely_rolled_back", summary.falsely},
                            {"rolled_back_by_budget", summary.overspent},
                            {"delay_median_s", number_or_null(delay_of(summary, 0.5, runs))},
                            {"delay_p95_s", number_or_null(delay_of(summary, 0.95, runs))}};
  return json::write_pretty(json::Object{{"service", simulation.service},
                                         {"baseline", simulation.policy.baseline},
                                         {"candidate", simulation.policy.candidate},
                                         {"traffic", traffic_json(simulation)},
                                         {"unseen", std::move(unseen)},
                                         {"summary", totals},
                                         {"runs", std::move(list)}});
}

}  // namespace weir::app
