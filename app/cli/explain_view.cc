#include "app/cli/explain_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "app/cli/figures.h"
#include "app/cli/terminal.h"

namespace weir::app {
namespace {

constexpr std::size_t kFirstColumn = 24;  // timeToFirstOutput p99.9
constexpr std::size_t kColumn = 15;
constexpr std::size_t kLeastColumns = 60;

std::string shown(const json::Value& text) { return printable(text.string()); }

double seconds(const json::Value& value) { return value.number(std::numeric_limits<double>::infinity()); }

// One unit, two digits: "3.5m", "84s".
std::string rough(double value) {
  struct Unit {
    double seconds;
    const char* word;
  };
  static constexpr std::array<Unit, 4> kUnits = {{{365.25 * 86'400, "y"}, {86'400, "d"}, {3'600, "h"}, {60, "m"}}};
  if (!std::isfinite(value) || value >= 1'000 * kUnits[0].seconds) return time_words(value);
  Unit unit{1, "s"};
  for (const Unit& larger : kUnits) {
    if (value < 1.5 * larger.seconds) continue;
    unit = larger;
    break;
  }
  const double count = value / unit.seconds;
  return rate_words(count < 10 ? std::round(count * 10) / 10 : std::round(count)) + unit.word;
}

std::string span_words(const json::Value& span) {
  const std::string median = rough(seconds(span["median"]));
  const std::string p95 = rough(seconds(span["p95"]));
  return median == p95 ? median : median + " / " + p95;
}

std::string exact_span(const json::Value& span) {
  const std::string median = time_words(seconds(span["median"]));
  const std::string p95 = time_words(seconds(span["p95"]));
  return median == p95 ? median : median + " / " + p95;
}

// By whole words, `indent` columns in.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t columns) {
  std::string out;
  std::size_t at = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (at > indent && at + 1 + display_width(word) > columns) {
      out += "\n" + std::string(indent, ' ');
      at = indent;
    }
    if (at > indent) {
      out += ' ';
      ++at;
    }
    out += word;
    at += display_width(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

class Explanation {
 public:
  Explanation(const json::Value& rollout, const ExplainOptions& options)
      : rollout_(rollout),
        steps_(rollout["steps"].array()),
        colour_(options.colour),
        columns_(std::max(kLeastColumns, static_cast<std::size_t>(std::max(0, options.columns)))) {}

  std::string render() {
    head();
    if (rollout_["shadow"].is_object()) {
      shadow();
      warnings();
      return std::move(out_);
    }
    if (rollout_["aa"].is_object()) {
      noise();
      warnings();
      return std::move(out_);
    }
    steps();
    if (rollout_["judged"].boolean()) {
      gates();
      smallest();
      regressions();
    } else {
      const bool limited = !rollout_["budgets"].array().empty();
      line("\n" + tint(std::string("Nothing is judged: `analysis` is off, and a bad candidate ") +
                           (limited ? "is taken back by maxExposure alone." : "is not taken back."),
                       Tint::kYellow));
    }
    budgets();
    warnings();
    return std::move(out_);
  }

 private:
  using Cell = std::function<std::string(const json::Value& step)>;

  std::string tint(std::string_view text, Tint with) const { return tinted(text, with, colour_); }
  void line(std::string_view text) {
    out_ += text;
    out_ += '\n';
  }
  void say(std::string_view text) { line(wrapped(text, 0, columns_)); }
  void title(std::string_view text) { line("\n" + tint(wrapped(text, 0, columns_), Tint::kBold)); }

  void head() {
    const std::string whom = rollout_["aa"].is_object() ? " against itself" : " → " + shown(rollout_["candidate"]);
    line(tint(shown(rollout_["service"]) + ": " + shown(rollout_["baseline"]) + whom, Tint::kBold));
    const json::Value& traffic = rollout_["traffic"];
    say(rate_words(traffic["requests_per_second"].number()) + " requests/s (" +
        shown(traffic["requests_per_second_from"]) + "). The baseline: errors " +
        percent(traffic["error_percent"].number()) + " (" + shown(traffic["error_percent_from"]) + "), latency p50 " +
        milliseconds(traffic["p50_ms"].number()) + " and p99 " + milliseconds(traffic["p99_ms"].number()) + " (" +
        latency_source(traffic) + "), " + with_commas(traffic["latencies_known"].integer()) +
        " latencies known at the start" + alone(traffic) +
        ". Design effect: " + rate_words(traffic["design_effect"].number()) + ".");
    if (rollout_["shadow"].is_object()) return;
    blue_green();
    say("Times are: in half of all cases / in 95 of 100.");
    if (has_means()) {
      say("Nobody has measured tokens, cost or scores: amounts are reckoned as lognormal with sigma 0.8, scores as 0.8 "
          "of their scale on average with a deviation of 0.15, the two amounts of a ratio as independent.");
    }
    if (has_scores())
      say("Assumed of scores: " + scored_words(traffic["scored_percent"].number(), traffic["scored_after_s"].number()) +
          ".");
  }

  static std::string alone(const json::Value& traffic) {
    const json::Value& before = traffic["baseline_alone_s"];
    return before.is_number() ? " (of " + time_words(before.number()) + " of the baseline alone, assumed)" : "";
  }

  bool has_scores() const {
    const json::Array& all = guards();
    return std::any_of(all.begin(), all.end(),
                       [](const json::Value& guard) { return guard["name"].string().starts_with("feedback "); });
  }

  bool has_means() const {
    if (steps_.empty()) return false;
    const json::Array& guards = steps_.front()["guards"].array();
    return std::any_of(guards.begin(), guards.end(), [](const json::Value& guard) {
      return guard["measure"].string() == "increase_percent" || guard["measure"].string() == "points";
    });
  }

  // Nothing moves, and nobody is served by the candidate.
  void shadow() {
    const json::Value& mirror = rollout_["shadow"];
    const std::string candidate = shown(rollout_["candidate"]);
    say("No user gets " + candidate + ": it is sent copies of " + percent(mirror["mirror_percent"].number()) +
        " of the requests, " + rate_words(mirror["copies_per_second"].number()) + " a second, at most " +
        with_commas(mirror["in_flight"].integer()) + " at once. What it answers is compared with the answers of " +
        shown(rollout_["baseline"]) + ", and a report goes into the history every " +
        time_words(mirror["report_every_s"].number()) + ".");
  }

  // Nothing moves: what counts is from when on the report can say something.
  void noise() {
    const json::Value& aa = rollout_["aa"];
    title("The smallest margin that is honest after: an equal candidate would have advanced with it, 95 times in 100");
    const json::Array& guards = aa["guards"].array();
    std::string heading = padded("guard", kFirstColumn);
    if (!guards.empty()) {
      for (const json::Value& at : guards.front()["margins"].array()) {
        heading += padded(rough(at["after_s"].number()), 10);
      }
    }
    line(tint(heading + padded("the plan's", 12) + "is honest after", Tint::kDim));
    for (const json::Value& guard : guards) {
      std::string text = padded(shown(guard["name"]), kFirstColumn);
      for (const json::Value& at : guard["margins"].array()) text += padded(degree(guard, at["honest_from"]), 10);
      text += padded(degree(guard, guard["planned"]), 12);
      text += guard["gate"].boolean() ? rough(seconds(guard["planned_is_honest_after_s"])) : "– (no gate)";
      line(text);
    }
    say("The second arm gets " + percent(aa["split_percent"].number()) + " of the users, " +
        rate_words(aa["second_arm_requests_per_second"].number()) +
        " requests/s. What real users are like, a design effect above all, is what the report is for.");
  }

  void blue_green() {
    if (rollout_["strategy"].string() != "blueGreen" || steps_.size() < 2) return;
    const std::string served = percent(steps_.back()["served_percent"].number());
    const std::string preview =
        steps_.front()["compared"].boolean()
            ? "step 1 is the preview, on " + percent(steps_.front()["weight_percent"].number()) + " of the users"
            : "in step 1 only overrides show the candidate";
    say("Blue-green: " + preview + "; step 2 is the bake, after the switch of " + served + " of the users at once.");
  }

  std::string latency_source(const json::Value& traffic) const {
    const std::string from = shown(traffic["latency_from"]);
    return from.starts_with("http") ? from : from + ", lognormal with sigma 0.6";
  }

  // Nothing bounds a step that ends when a person says so.
  static std::string at_most(const json::Value& bound) { return bound.is_number() ? time_words(bound.number()) : "–"; }

  // The widest table: one line a step.
  void steps() {
    title("What a healthy candidate takes, and what the end of each step waits for");
    line(tint(padded("step", 6) + padded("weight", 10) + padded("candidate/s", 13) + padded("takes", 32) +
                  padded("waits for", 19) + "at most",
              Tint::kDim));
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const json::Value& step = steps_[i];
      const bool late = !step["in_time"]["median"].boolean(true);
      const bool maybe = !step["in_time"]["p95"].boolean(true);
      std::string takes = exact_span(step["lasts_s"]);
      if (step["waits_for_person"].boolean()) takes += " + a person";
      const Tint with = late ? Tint::kRed : maybe ? Tint::kYellow : Tint::kPlain;
      line(padded(std::to_string(i + 1), 6) + padded(percent(step["weight_percent"].number()), 10) +
           padded(rate_words(step["candidate_requests_per_second"].number()), 13) + tint(padded(takes, 31), with) +
           " " + padded(shown(step["waits_for"]), 18) + " " + at_most(step["at_most_s"]));
    }
    std::string total = "all   " + exact_span(rollout_["total_s"]);
    const bool never = seconds(rollout_["total_s"]["p95"]) == std::numeric_limits<double>::infinity();
    if (never && rollout_["passes_ceiling"].boolean())
      total += " (a healthy candidate passes a `max`: see below)";
    else if (never)
      total += " (it stops at the step that is not over by its `at most`)";
    if (rollout_["waits_for_person"].boolean()) total += " + what a person takes";
    line(tint(total, Tint::kBold));
  }

  std::size_t band() const { return std::max<std::size_t>(1, (columns_ - kFirstColumn) / kColumn); }

  // One column a step, as many beside each other as there is room for.
  void table(const std::vector<std::pair<std::string, Cell>>& rows) {
    for (std::size_t from = 0; from < steps_.size(); from += band()) {
      const std::size_t to = std::min(steps_.size(), from + band());
      std::string heading = padded("", kFirstColumn);
      for (std::size_t i = from; i < to; ++i) heading += padded(percent(steps_[i]["weight_percent"].number()), kColumn);
      line(tint(heading.substr(0, heading.find_last_not_of(' ') + 1), Tint::kDim));
      for (const auto& [name, cell] : rows) {
        std::string text = padded(name, kFirstColumn);
        for (std::size_t i = from; i < to; ++i) {
          text += padded(cell(steps_[i]), kColumn - 1) + " ";
        }
        line(text.substr(0, text.find_last_not_of(' ') + 1));
      }
    }
  }

  const json::Array& guards() const {
    static const json::Array kNone;
    return steps_.empty() ? kNone : steps_.front()["guards"].array();
  }

  std::vector<std::pair<std::string, Cell>> guard_rows(
      const std::function<std::string(const json::Value& step, const json::Value& guard)>& cell) const {
    std::vector<std::pair<std::string, Cell>> rows;
    for (std::size_t i = 0; i < guards().size(); ++i) {
      rows.emplace_back(shown(guards()[i]["name"]),
                        [i, cell](const json::Value& step) { return cell(step, step["guards"].array()[i]); });
    }
    return rows;
  }

  void gates() {
    if (guards().empty()) return;
    title("When each gate lets a healthy candidate go on");
    table(guard_rows([](const json::Value& step, const json::Value& guard) -> std::string {
      if (!guard["gate"].boolean()) return "–";
      if (!step["compared"].boolean()) return "never";
      return span_words(guard["passes_s"]);
    }));
  }

  static std::string degree(const json::Value& guard, const json::Value& value) {
    if (!value.is_number()) return "none";
    const std::string& measure = guard["measure"].string();
    if (measure == "points") return rate_words(value.number());
    return (measure == "percent" ? "" : "+") + brief(value.number());
  }

  static std::string brief(double value) {
    std::string text = value >= 10 ? with_commas(static_cast<std::int64_t>(value + 0.5)) : rate_words(value);
    return text + "%";
  }

  void smallest() {
    if (guards().empty()) return;
    title("The smallest regression found 95 times in 100: while a healthy one stays / within `at most`");
    auto rows = guard_rows([](const json::Value& step, const json::Value& guard) -> std::string {
      const json::Value& found = guard["smallest_found"];
      if (!step["compared"].boolean() && found["before_at_most"].is_null()) return "–";
      const std::string stays = degree(guard, found["while_it_stays"]);
      const std::string most = degree(guard, found["before_at_most"]);
      return stays == most ? stays : stays + " / " + most;
    });
    table(rows);
    std::string accepted;
    for (const json::Value& guard : guards()) {
      accepted += (accepted.empty() ? "" : ", ") + shown(guard["name"]) + " " + degree(guard, guard["accepted"]);
    }
    if (!accepted.empty()) say("Never found, because the margin allows for it, is up to: " + accepted + ".");
  }

  void regressions() {
    title("When a regression that is there from the step's beginning is found");
    std::vector<std::pair<std::string, Cell>> rows;
    std::vector<std::string> never;
    const json::Array& first = steps_.empty() ? guards() : steps_.front()["regressions"].array();
    for (std::size_t i = 0; i < first.size(); ++i) {
      rows.emplace_back(shown(first[i]["name"]), [i](const json::Value& step) -> std::string {
        const json::Value& regression = step["regressions"].array()[i];
        if (!step["compared"].boolean() && regression["found_s"]["median"].is_null()) return "–";
        return span_words(regression["found_s"]);
      });
      for (const json::Value& step : steps_) {
        const json::Value& why = step["regressions"].array()[i]["never_because"];
        if (!step["compared"].boolean() || why.is_null()) continue;
        never.push_back(shown(first[i]["name"]) + " is never found: " + shown(why) + ".");
        break;
      }
    }
    table(rows);
    for (const std::string& why : never) say(why);
    actions();
  }

  // Told whether anything is judged or not.
  void budgets() {
    const json::Array& budgets = rollout_["budgets"].array();
    if (budgets.empty()) return;
    title("When a candidate that fails every request has spent its maxExposure");
    std::vector<std::pair<std::string, Cell>> rows;
    std::string chance;
    for (std::size_t i = 0; i < budgets.size(); ++i) {
      const std::string name = shown(budgets[i]["name"]) + " " + rate_words(budgets[i]["limit"].number());
      rows.emplace_back(name, [i](const json::Value& step) -> std::string {
        const json::Value& spent_s = step["budgets_spent_s"].array()[i];
        return spent_s.is_number() ? rough(spent_s.number()) : "–";
      });
      const json::Value& by_chance = budgets[i]["by_chance"];
      if (!by_chance.is_number()) continue;
      chance += (chance.empty() ? "" : ", ") + rate_words(std::ceil(by_chance.number())) + " of " + name;
    }
    table(rows);
    if (!chance.empty()) {
      say("A candidate as good as the baseline spends of it about, until it is promoted: " + chance + ".");
    }
    say("A budget is counted, not tested: it takes the candidate back however little is proved, in a pause too, and "
        "stands outside maxFalseRollback.");
  }

  // What is done about it, where that is not to roll back.
  void actions() {
    for (const json::Value& guard : guards()) {
      const std::string action = shown(guard["on_fail"]);
      if (action != "rollback") say(shown(guard["name"]) + " does not roll back: it does `" + action + "`.");
    }
  }

  void warnings() {
    const json::Array& warnings = rollout_["warnings"].array();
    if (!warnings.empty()) line("");
    for (const json::Value& warning : warnings) {
      line(tint("! ", Tint::kYellow) + wrapped(shown(warning), 2, columns_));
    }
  }

  const json::Value& rollout_;
  const json::Array& steps_;
  bool colour_;
  std::size_t columns_;
  std::string out_;
};

}  // namespace

std::string render_explanation(const json::Value& rollout, const ExplainOptions& options) {
  return Explanation(rollout, options).render();
}

}  // namespace weir::app
