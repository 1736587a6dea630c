#include "app/cli/view.h"

#include <algorithm>
#include <cmath>

#include "app/cli/figures.h"
#include "app/cli/terminal.h"

namespace weir::app {
namespace {

constexpr int kWeightBar = 40;
constexpr int kEvidenceBar = 10;

std::string shown(const json::Value& text) { return printable(text.string()); }

Tint tint_of_phase(std::string_view phase) {
  if (phase == "rolledBack") return Tint::kRed;
  if (phase == "paused") return Tint::kYellow;
  if (phase == "promoted" || phase == "running" || phase == "baking") return Tint::kGreen;
  return Tint::kPlain;
}

class Frame {
 public:
  explicit Frame(const ViewOptions& options) : options_(options) {}

  std::string render(const json::Value& status) {
    head(status);
    for (const json::Value& service : status["services"].array()) {
      out_ += '\n';
      if (service["rollout"].is_object()) {
        rollout(service, service["rollout"]);
      } else {
        line(bold(shown(service["name"])));
        versions(service, {});
      }
    }
    return std::move(out_);
  }

 private:
  std::string bold(std::string_view text) const { return tinted(text, Tint::kBold, options_.colour); }
  std::string dim(std::string_view text) const { return tinted(text, Tint::kDim, options_.colour); }
  void line(std::string_view text) {
    out_ += text;
    out_ += '\n';
  }
  void row(std::string_view text) {
    out_ += "  ";
    line(text);
  }

  void head(const json::Value& status) {
    std::string text = "weir " + shown(status["version"]);
    if (!options_.where.empty()) text += " at " + options_.where;
    text += status["draining"].boolean() ? " · draining" : status["ready"].boolean() ? " · ready" : " · not ready";
    text += " · " + shown(status["time"]);
    line(bold(text));
    for (const json::Value& problem : status["problems"].array()) {
      line(tinted("! " + shown(problem), Tint::kRed, options_.colour));
    }
  }

  void rollout(const json::Value& service, const json::Value& rollout) {
    const std::string phase = shown(rollout["phase"]);
    const bool aa = rollout["strategy"].string() == "aa";
    const std::string whom = aa ? " against itself" : " → " + shown(rollout["candidate"]);
    std::string title = bold(shown(service["name"])) + "  " + shown(rollout["baseline"]) + whom + "  " +
                        tinted(phase, tint_of_phase(phase), options_.colour);
    if (rollout["strategy"].string() == "blueGreen") title += "  blue-green";
    title +=
        "  step " + std::to_string(rollout["step"].integer()) + " of " + std::to_string(rollout["steps"].integer());
    if (!rollout["stage"].string().empty()) title += " · " + shown(rollout["stage"]);
    line(title);
    const double weight = rollout["weight_percent"].number();
    row(bar(weight / 100, kWeightBar) + " " + percent(weight) + " of users " +
        (aa ? "in the second arm" : "on " + shown(rollout["candidate"])));
    if (!rollout["reason"].string().empty()) row("because " + shown(rollout["reason"]));
    if (rollout["durable"].is_null() ? false : !rollout["durable"].boolean()) {
      row(tinted("not yet durable: the disk has not taken this decision", Tint::kYellow, options_.colour));
    }
    versions(service, aa ? json::Value() : rollout);
    guards(rollout);
    promise(rollout);
    noise(rollout["aa"]);
    shadow(rollout);
    budgets(rollout["budgets"]);
    split(rollout["split"], aa ? "in the second arm" : "on the candidate");
    waits(rollout);
  }

  // After edits it may be more than what the plan says.
  void promise(const json::Value& rollout) {
    constexpr double kRounding = 1 + 1e-6;
    const double planned = rollout["max_false_rollback"].number();
    const double promised = rollout["promised_false_rollback"].number();
    if (planned <= 0 || promised <= planned * kRounding) return;
    row(tinted("maxFalseRollback: " + percent(100 * promised) + " is promised, where the plan says " +
                   percent(100 * planned) +
                   ", for guards came or changed while it ran; a new revision promises that again",
               Tint::kYellow, options_.colour));
  }

  // What the baseline against itself has shown so far.
  void noise(const json::Value& aa) {
    if (!aa.is_object()) return;
    const std::int64_t alarms = aa["alarms"].integer();
    row((alarms == 0 ? "no false alarm"
                     : tinted("false alarms: " + with_commas(alarms), Tint::kYellow, options_.colour)) +
        "; " + shown(aa["summary"]));
    for (const json::Value& guard : aa["guards"].array()) {
      row(guard["too_tight"].boolean() ? tinted(shown(guard["says"]), Tint::kYellow, options_.colour)
                                       : shown(guard["says"]));
    }
  }

  // What copies of requests have shown.
  void shadow(const json::Value& rollout) {
    if (!rollout["shadow"].is_object()) return;
    const double mirrored = rollout["mirror_percent"].number();
    row("shadow: " + (mirrored > 0 ? percent(mirrored) + " of the baseline's requests are copied; " : std::string()) +
        shown(rollout["shadow"]["says"]));
  }

  // What the candidate may cost its users, and has.
  void budgets(const json::Value& budgets) {
    if (budgets.array().empty()) return;
    std::string text;
    double spent = 0;
    for (const json::Value& budget : budgets.array()) {
      text += (text.empty() ? "" : ", ") + shown(budget["says"]);
      spent = std::max(spent, budget["spent"].number() / budget["limit"].number(1));
    }
    text = "budget: " + text + "; counted, not tested: outside maxFalseRollback";
    const Tint tint = spent >= 1 ? Tint::kRed : spent >= 0.5 ? Tint::kYellow : Tint::kDim;
    row(tinted(text, tint, options_.colour));
  }

  // Whether each version gets its share of users.
  void split(const json::Value& split, const std::string& where) {
    if (!split.is_object()) return;
    const std::int64_t candidate = split["candidate"].integer();
    const std::int64_t all = candidate + split["baseline"].integer();
    if (all <= 0) return;
    const double share = 100 * static_cast<double>(candidate) / static_cast<double>(all);
    std::string text = "split: " + with_commas(candidate) + " of " + with_commas(all) + " " + shown(split["unit"]) +
                       " " + where + ", " + percent(share) + " where " + percent(split["due_percent"].number()) +
                       " is due";
    if (!split["counting"].boolean()) text += "; counted enough for this step";
    if (split["alarm"].boolean()) text += "; broken";
    row(split["alarm"].boolean() ? tinted(text, Tint::kRed, options_.colour) : dim(text));
  }

  void versions(const json::Value& service, const json::Value& rollout) {
    const std::string& baseline = rollout["baseline"].string();
    const std::string& candidate = rollout["candidate"].string();
    row(dim(padded("version", 22) + padded("requests/s", 12) + padded("errors", 12) + padded("p50", 10) +
            padded("p90", 10) + padded("p99", 10)));
    for (const json::Value& version : service["versions"].array()) {
      std::string name = shown(version["name"]);
      if (!baseline.empty() && version["name"].string() == baseline) name += " (baseline)";
      if (!candidate.empty() && version["name"].string() == candidate) name += " (candidate)";
      const double rate = version["rate"].number();
      std::string text = padded(name, 22) + padded(with_commas(static_cast<std::int64_t>(rate + 0.5)), 12);
      text += padded(rate > 0 ? percent(version["error_percent"].number()) : "–", 12);
      for (const char* quantile : {"p50_ms", "p90_ms", "p99_ms"}) {
        text += padded(version[quantile].is_number() ? milliseconds(version[quantile].number()) : "–", 10);
      }
      row(text);
    }
  }

  std::string share(const json::Value& count) const {
    const double n = count["n"].number();
    if (n <= 0) return "–";
    if (count["mean"].is_number())
      return mean_words(count["mean"].number()) + " of " + with_commas(count["n"].integer());
    return percent(100 * count["x"].number() / n) + " of " + with_commas(count["n"].integer());
  }

  void guards(const json::Value& rollout) {
    const json::Array& guards = rollout["guards"].array();
    if (guards.empty()) return;
    row(dim(padded("guard", 22) + padded("baseline", 22) + padded("candidate", 22) + padded("to rollback", 17) +
            "to advance"));
    for (const json::Value& guard : guards) {
      const double back = std::clamp(guard["toward_rollback"].number(), 0.0, 1.0);
      const Tint tint = back >= 0.5 ? Tint::kRed : Tint::kPlain;
      std::string text = padded(shown(guard["name"]), 22);
      text += padded(share(guard["baseline"]), 22) + padded(share(guard["candidate"]), 22);
      text += tinted(bar(back, kEvidenceBar), tint, options_.colour) + " " + padded(percent(std::floor(100 * back)), 6);
      row(text + toward_advance(guard));
    }
  }

  std::string toward_advance(const json::Value& guard) const {
    if (!guard["gate"].boolean()) return "no gate";
    if (!guard["armed"].boolean(true)) {
      return "not armed: " + with_commas(guard["history"].integer()) + " of " +
             with_commas(guard["history_needed"].integer());
    }
    return bar(guard["toward_advance"].number(), kEvidenceBar) + (guard["gate_passed"].boolean() ? " passed" : "");
  }

  void waits(const json::Value& rollout) {
    for (const json::Value& why : rollout["waits"].array()) {
      row(tinted("waits: ", Tint::kYellow, options_.colour) + shown(why));
    }
  }

  const ViewOptions& options_;
  std::string out_;
};

}  // namespace

std::string render_frame(const json::Value& status, const ViewOptions& options) {
  return Frame(options).render(status);
}

std::string change_key(const json::Value& status) {
  json::Array key{status["ready"], status["draining"], status["problems"]};
  for (const json::Value& service : status["services"].array()) {
    const json::Value& rollout = service["rollout"];
    for (const char* member : {"baseline", "candidate", "phase", "step_id", "weight_percent", "reason", "durable"}) {
      key.push_back(rollout[member]);
    }
    for (const json::Value& guard : rollout["guards"].array()) key.push_back(guard["gate_passed"]);
    // The word before the figures: "not_armed: 1,200 of 2,000" is news once.
    for (const json::Value& why : rollout["waits"].array())
      key.push_back(why.string().substr(0, why.string().find(':')));
  }
  return json::write(key);
}

std::string render_history(const json::Value& history, const ViewOptions& options) {
  std::string out;
  for (const json::Value& record : history["records"].array()) {
    const std::string& decision = record["decision"].string();
    const Tint tint = decision == "rollback"                       ? Tint::kRed
                      : decision == "pause" || decision == "alarm" ? Tint::kYellow
                                                                   : Tint::kPlain;
    out += shown(record["time"]) + "  " + shown(record["service"]) + "  ";
    out += tinted(padded(printable(decision), 9), tint, options.colour) + " ";
    if (record["weight_after_percent"].is_number()) {  // a reload changes none by itself
      out += percent(record["weight_before_percent"].number()) + " → " +
             percent(record["weight_after_percent"].number()) + "  ";
    }
    out += shown(record["actor"]) + "  " + shown(record["reason"]) + "\n";
    if (decision != "report") continue;
    for (const json::Value& guard : record["aa"]["guards"].array()) out += "    " + shown(guard["says"]) + "\n";
  }
  if (out.empty()) out = "Nothing was decided yet.\n";
  return out;
}

}  // namespace weir::app
