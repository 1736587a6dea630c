#include "app/cli/history_view.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "app/cli/figures.h"
#include "app/cli/terminal.h"

namespace weir::app {
namespace {

constexpr std::size_t kLabel = 14;

std::string shown(const json::Value& text) { return printable(text.string()); }

Tint tint_of(std::string_view decision) {
  if (decision == "rollback") return Tint::kRed;
  if (decision == "pause" || decision == "alarm") return Tint::kYellow;
  return decision == "promote" || decision == "advance" ? Tint::kGreen : Tint::kPlain;
}

double share_of(const json::Value& count) {
  const double n = count["n"].number();
  return n > 0 ? 100 * count["x"].number() / n : 0;
}

std::string counted(const json::Value& count) {
  if (count["n"].integer() == 0) return "none";
  if (count["mean"].is_number()) {
    return mean_words(count["mean"].number()) + " on average of " + with_commas(count["n"].integer());
  }
  return percent(share_of(count)) + ", " + with_commas(count["x"].integer()) + " of " +
         with_commas(count["n"].integer());
}

// The odds that people read: more than a billion is a mountain.
std::string odds(double evidence) {
  if (evidence >= 1e9) return "over 1,000,000,000";
  return evidence >= 10 ? with_commas(std::llround(evidence)) : rate_words(evidence);
}

// Before there is a judge, and after it, a record of an A/A has no noise to tell of.
bool against_itself(const json::Value& record) {
  return !record["baseline"].string().empty() && record["baseline"].string() == record["candidate"].string();
}

bool is_latency(const json::Value& guard) { return guard["candidate_threshold_ms"].is_number(); }

class Story {
 public:
  explicit Story(const ViewOptions& options) : options_(options) {}

  std::string tell(const json::Value& history) {
    for (const json::Value& record : history["records"].array()) decision(record);
    return out_.empty() ? "Nothing was decided yet.\n" : std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }
  void fact(std::string_view label, const std::string& text) {
    line("      " + tinted(padded(label, kLabel), Tint::kDim, options_.colour) + text);
  }

  void decision(const json::Value& record) {
    if (!out_.empty()) line("");
    const std::string& what = record["decision"].string();
    std::string text = tinted(shown(record["time"]), Tint::kBold, options_.colour) + "  " +
                       tinted(printable(what), tint_of(what), options_.colour);
    if (record["weight_after_percent"].is_number()) {
      text += "  " + percent(record["weight_before_percent"].number()) + " → " +
              percent(record["weight_after_percent"].number()) + " of users " +
              (against_itself(record) ? "in the second arm" : "on " + shown(record["candidate"]));
    }
    line(text + "  by " + shown(record["actor"]));
    line("  because " + head_of(record));
    if (record["elapsed_s"].number() > 0) {
      line("  after " + time_words(record["elapsed_s"].number()) + " of attempt " +
           std::to_string(record["attempt"].integer()));
    }
    guards(record);
  }

  // Where a guard speaks below, its numbers stand there.
  std::string head_of(const json::Value& record) const {
    const std::string& reason = record["reason"].string();
    const json::Value* const worst = decisive(record);
    return printable(worst == nullptr ? reason : reason.substr(0, reason.find(": ")));
  }

  // The guard whose evidence decided; null where none did.
  static const json::Value* decisive(const json::Value& record) {
    const std::string& what = record["decision"].string();
    const bool alarm = what == "alarm";
    if (record["rule"].string() != "guard" || (what != "rollback" && what != "pause" && !alarm)) return nullptr;
    const json::Value* worst = nullptr;
    for (const json::Value& guard : record["guards"].array()) {
      const std::string& action = guard["action"].string();
      if (alarm ? action == "warn" : action != what) continue;
      if (!guard["speaks"].boolean()) continue;
      const bool more =
          worst == nullptr || guard["evidence_rollback"].number() > (*worst)["evidence_rollback"].number();
      if (more) worst = &guard;
    }
    return worst;
  }

  // All numbers of the guard that decided; of an advance, what each gate showed; of a report, what each is like.
  void guards(const json::Value& record) {
    if (const json::Value* const worst = decisive(record)) return whole(*worst);
    const std::string& what = record["decision"].string();
    if (what == "report") {
      for (const json::Value& guard : record["aa"]["guards"].array()) line("    " + shown(guard["says"]));
    }
    if (what != "advance" && what != "promote" && what != "pause" && what != "rollback") return;
    for (const json::Value& guard : record["guards"].array()) brief(guard);
  }

  void whole(const json::Value& guard) {
    // A mean's numbers are in a unit of its own, which the judge's sentence knows.
    if (guard["candidate_since_start"]["mean"].is_number()) return line("    " + shown(guard["explain"]));
    line("    " + tinted(shown(guard["name"]), Tint::kBold, options_.colour));
    fact("candidate", counted(guard["candidate_since_start"]) + slower(guard, "candidate_threshold_ms"));
    fact("baseline",
         counted(guard["baseline_since_start"]) + slower(guard, "baseline_threshold_ms") + ", over the same seconds");
    fact("allowed", allowed(guard));
    fact("evidence",
         "1 : " + odds(guard["evidence_rollback"].number()) + " of 1 : " + odds(guard["evidence_needed"].number()));
    fact("users hit", users(guard));
    if (guard["worst_group"].is_object()) {
      fact("worst group", counted(guard["worst_group"]) + " requests of group " +
                              std::to_string(guard["worst_group"]["group"].integer()));
    }
    fact("design effect",
         rate_words(guard["design_effect"].number()) + ": so many requests tell as much as one of a user alone");
    if (const json::Value& difference = guard["difference_percent"]; difference.is_object()) {
      fact("difference", signed_percent(difference["value"].number()) + " (" +
                             signed_percent(difference["low"].number()) + " … " +
                             signed_percent(difference["high"].number()) + ")");
    }
    requests(guard);
    if (!guard["alpha_promised"].boolean(true)) fact("but", "with so few users maxFalseRollback is not promised");
  }

  static std::string slower(const json::Value& guard, std::string_view threshold) {
    return is_latency(guard) ? " slower than " + milliseconds(guard[threshold].number()) : std::string();
  }

  static std::string allowed(const json::Value& guard) {
    if (guard["limit_percent"].is_number()) {
      return "at most " + percent(guard["limit_percent"].number()) + ", whatever the baseline does";
    }
    if (is_latency(guard)) {
      const double more_ms = guard["allowed_absolute_ms"].number();
      return "as many as of the baseline, beyond a threshold " +
             rounded_percent(guard["allowed_relative_percent"].number() / 100) +
             (more_ms > 0 ? " and " + milliseconds(more_ms) : std::string()) + " higher";
    }
    return rounded_percent(guard["margin_factor"].number() - 1) + " more than the baseline, and " +
           rounded_percent(guard["margin"].number()) + " of all";
  }

  // Without what binary fractions leave over.
  static std::string rounded_percent(double share) { return percent(std::round(1e6 * share) / 1e4); }

  static std::string users(const json::Value& guard) {
    return "at least " + std::to_string(guard["groups_hit"].integer()) + ", in so many of " +
           std::to_string(guard["groups_seen"].integer()) + " groups of users";
  }

  static std::string signed_percent(double value) { return (value < 0 ? "−" : "") + percent(std::abs(value)); }

  void requests(const json::Value& guard) {
    std::string ids;
    for (const json::Value& id : guard["first_requests"].array()) ids += (ids.empty() ? "" : ", ") + shown(id);
    if (!ids.empty()) fact("requests", ids);
  }

  void brief(const json::Value& guard) {
    // What is wider than its column moves the rest along, and never touches it.
    std::string text = "    " + padded(shown(guard["name"]), 21) + " " +
                       padded("candidate " + counted(guard["candidate"]), 33) + " " +
                       padded("baseline " + counted(guard["baseline"]), 35) + " ";
    if (!guard["gate"].boolean()) {
      text += "no gate";
    } else if (guard["gate_passed"].boolean()) {
      text += tinted("passed", Tint::kGreen, options_.colour);
    } else {
      text += percent(std::floor(100 * guard["toward_advance"].number())) + " of its evidence";
    }
    line(text);
  }

  const ViewOptions& options_;
  std::string out_;
};

}  // namespace

std::string render_story(const json::Value& history, const ViewOptions& options) {
  return Story(options).tell(history);
}

}  // namespace weir::app
