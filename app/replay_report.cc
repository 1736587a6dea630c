#include "app/replay_report.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "app/cli/figures.h"
#include "app/cli/terminal.h"
#include "base/json.h"
#include "base/log.h"

namespace weir::app {
namespace {

using analysis::ReplayEvent;
using Kind = ReplayEvent::Kind;

constexpr double kSameTick_ms = 50;  // half a tick: clocks of blocks and of decisions differ by little

std::string_view word(Kind kind) {
  switch (kind) {
    case Kind::kBegins:
      return "begins";
    case Kind::kDecided:
      return "decided";
    case Kind::kDiverged:
      return "diverged";
    case Kind::kWould:
      return "would";
    case Kind::kWouldNot:
      return "would_not";
    case Kind::kGap:
      return "gap";
    case Kind::kRestart:
      return "restart";
    case Kind::kLeft:
      return "left";
  }
  return "";
}

Tint tint_of(std::string_view decision) {
  if (decision == "rollback") return Tint::kRed;
  return decision == "pause" ? Tint::kYellow : Tint::kPlain;
}

// Everything that stands on a line of its own.
class Text {
 public:
  Text(const ReplayReport& report, bool colour) : report_(report), replayed_(report.replayed), colour_(colour) {}

  std::string render() {
    head();
    for (const ReplayEvent& event : replayed_.events) tell(event);
    for (const std::string& problem : replayed_.problems)
      line(tinted("! " + printable(problem), Tint::kYellow, colour_));
    sum();
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }

  void head() {
    line(tinted(printable(report_.service), Tint::kBold, colour_) + "  " + printable(replayed_.key.baseline) + " → " +
         printable(replayed_.key.candidate) + "  from " + log::iso_time(replayed_.from_ms) + " to " +
         log::iso_time(replayed_.to_ms) + ", " + with_commas(static_cast<std::int64_t>(replayed_.ticks)) + " ticks");
  }

  static std::string decision(const ReplayEvent& event) {
    const json::Value& record = event.record;
    return percent(record["weight_before_percent"].number()) + " → " + percent(record["weight_after_percent"].number());
  }

  void tell(const ReplayEvent& event) {
    const std::string time = "  " + log::iso_time(event.unix_ms) + "  ";
    switch (event.kind) {
      case Kind::kDecided:
        return decided(event, time);
      case Kind::kDiverged:
        line(time + tinted("diverged: " + printable(event.words), Tint::kRed, colour_));
        if (event.record.is_object()) because(event.record);
        return;
      case Kind::kBegins:
        if (!event.words.empty()) line(time + tinted(printable(event.words), Tint::kDim, colour_));
        return;
      case Kind::kWould:
        return would(event, time);
      case Kind::kWouldNot:
        line("      " + tinted(printable(report_.plan), Tint::kBold, colour_) + ": " + printable(event.words));
        return;
      default:
        line(time + tinted(std::string(word(event.kind)) + ": " + printable(event.words), Tint::kDim, colour_));
    }
  }

  void decided(const ReplayEvent& event, const std::string& time) {
    const std::string& what = event.record["decision"].string();
    std::string text =
        time + tinted(padded(printable(what), 9), tint_of(what), colour_) + " " + padded(decision(event), 16);
    if (event.again) {
      text += tinted("the same again", Tint::kGreen, colour_);
    } else if (event.blind) {
      text += tinted("not made again, for records before it are missing", Tint::kYellow, colour_);
    } else if (!event.ours) {
      text += tinted("by " + printable(event.record["actor"].string()), Tint::kDim, colour_);
    }
    if (event.withdrawn) text += tinted(" and withdrawn before the disk had it", Tint::kDim, colour_);
    line(text);
    because(event.record);
    if (const std::string beside = beside_other(event); !beside.empty()) {
      line("      " + tinted(printable(report_.plan), Tint::kBold, colour_) + ": " + beside);
    }
  }

  // When the other plan would have decided the same in the same step, if it has been told already.
  std::string beside_other(const ReplayEvent& event) const {
    if (!event.ours) return {};
    for (const ReplayEvent& other : replayed_.events) {
      const bool same = other.kind == Kind::kWould &&
                        other.record["decision"].string() == event.record["decision"].string() &&
                        other.record["step_id_before"].integer() == event.record["step_id_before"].integer() &&
                        other.record["attempt"].integer() == event.record["attempt"].integer();
      if (!same) continue;
      const auto earlier_ms = static_cast<double>(event.unix_ms - other.unix_ms);
      if (std::abs(earlier_ms) < kSameTick_ms) return "the same, in the same tick";
      if (earlier_ms > 0) return "the same, " + time_words(earlier_ms / 1000) + " earlier";
    }
    return {};
  }

  void would(const ReplayEvent& event, const std::string& time) {
    const std::string& what = event.record["decision"].string();
    line(time + tinted(padded(printable(what), 9), tint_of(what), colour_) + " " + padded(decision(event), 16) + "by " +
         tinted(printable(report_.plan), Tint::kBold, colour_) +
         (event.approximate ? ", by times that are approximate (1/32)" : ""));
    because(event.record);
  }

  void because(const json::Value& record) { line("      because " + printable(record["reason"].string())); }

  void sum() {
    const auto count = [&](const auto& which) {
      return std::count_if(replayed_.events.begin(), replayed_.events.end(), which);
    };
    const auto ours = count([](const ReplayEvent& event) { return event.kind == Kind::kDecided && event.ours; });
    const auto again = count([](const ReplayEvent& event) { return event.again; });
    const auto others = count([](const ReplayEvent& event) { return event.kind == Kind::kDiverged; });
    const auto gaps = count([](const ReplayEvent& event) { return event.kind == Kind::kGap; });
    const auto equal = static_cast<std::int64_t>(replayed_.frames_equal);
    std::string text = ours == 0 ? "Nothing was decided on the evidence"
                                 : with_commas(again) + " of " + with_commas(ours) +
                                       " decisions on the evidence were made again, to the last bit";
    text += equal == 0 ? "." : "; all that the judge knew was compared " + with_commas(equal) + " times, and equal.";
    const auto other = count(
        [](const ReplayEvent& event) { return event.kind == Kind::kWould || event.kind == Kind::kWouldNot; });
    if (!report_.plan.empty() && ours == 0 && other == 0) {
      text += " " + printable(report_.plan) + " would have decided nothing either.";
    }
    if (gaps > 0) text += " Nothing is known of " + std::string(gaps == 1 ? "a gap." : "gaps.");
    if (replayed_.damaged) text += " What is damaged is not known.";
    line(tinted(text, others > 0 || replayed_.damaged ? Tint::kRed : Tint::kPlain, colour_));
  }

  const ReplayReport& report_;
  const analysis::Replayed& replayed_;
  bool colour_;
  std::string out_;
};

}  // namespace

std::string report_text(const ReplayReport& report, bool colour) { return Text(report, colour).render(); }

std::string report_json(const ReplayReport& report) {
  const analysis::Replayed& replayed = report.replayed;
  json::Array events;
  for (const ReplayEvent& event : replayed.events) {
    json::Object entry{{"event", word(event.kind)}, {"time", log::iso_time(event.unix_ms)}};
    if (!event.words.empty()) entry.set("text", event.words);
    if (event.kind == Kind::kDecided) {
      entry.set("on_evidence", event.ours);
      if (event.ours) entry.set("again", event.blind ? json::Value() : json::Value(event.again));
      entry.set("withdrawn", event.withdrawn);
    }
    if (event.kind == Kind::kWould) entry.set("approximate", event.approximate);
    if (event.record.is_object()) entry.set("record", event.record);
    events.push_back(std::move(entry));
  }
  return json::write_pretty(json::Object{{"service", report.service},
                                         {"baseline", replayed.key.baseline},
                                         {"candidate", replayed.key.candidate},
                                         {"revision", replayed.key.revision},
                                         {"from", log::iso_time(replayed.from_ms)},
                                         {"to", log::iso_time(replayed.to_ms)},
                                         {"ticks", replayed.ticks},
                                         {"frames_equal", replayed.frames_equal},
                                         {"damaged", replayed.damaged},
                                         {"problems", json::Array(replayed.problems.begin(), replayed.problems.end())},
                                         {"plan", report.plan.empty() ? json::Value() : json::Value(report.plan)},
                                         {"events", std::move(events)}});
}

}  // namespace weir::app
