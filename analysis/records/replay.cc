#include "analysis/records/replay.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "analysis/records/input_code.h"
#include "analysis/records/other_trial.h"
#include "analysis/records/segment.h"
#include "base/log.h"

namespace weir::analysis {
namespace {

using Kind = ReplayEvent::Kind;

std::int64_t ms_of(std::chrono::nanoseconds time) { return std::chrono::duration_cast<Milliseconds>(time).count(); }

class Replay {
 public:
  explicit Replay(const ReplaySpec& spec) : spec_(spec) {
    if (spec.other != nullptr) other_.emplace(*spec.other);
  }

  void run(const std::vector<std::string>& segments) {
    for (std::size_t i = first(segments); i < segments.size() && !over_; ++i) read(segments[i]);
    flush_look_back();
    finish_tick();
  }
  Replayed result() { return std::move(result_); }

 private:
  // The last segment that begins before `from`: each has frames of all rollouts at its beginning.
  std::size_t first(const std::vector<std::string>& segments) const {
    std::size_t first = 0;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      SegmentReader reader(segments[i]);
      const std::optional<std::string> block = reader.next();
      if (block && BlockReader(*block).head().unix_ms <= spec_.from_ms) first = i;
    }
    return first;
  }

  void read(const std::string& path) {
    SegmentReader reader(path);
    if (reader.head_damaged()) return damaged(reader.error());
    if (!reader.error().empty()) return complain(reader.error());
    if (run_ && reader.run() != *run_) restart();
    run_ = reader.run();
    while (std::optional<std::string> block = reader.next()) {
      if (over_) return;
      take(std::move(*block));
    }
    if (reader.damaged() > 0) {
      damaged(path + ": " + std::to_string(reader.damaged()) +
              " bytes in the midst of it are damaged, and were left out");
    }
    if (reader.torn() > 0) {
      complain(path + ": the last " + std::to_string(reader.torn()) + " bytes are no whole block, and were left out");
    }
  }

  // Blocks before `from` wait: what is wanted begins at the last frame before it.
  void take(std::string block) {
    const BlockReader reader(block);
    if (!reader.ok()) return damaged("a block of the records cannot be read, and was left out");
    if (reader.head().unix_ms > spec_.to_ms) {
      over_ = true;
      return;
    }
    if (reader.head().unix_ms >= spec_.from_ms) {
      flush_look_back();
      return play(block);
    }
    if (has_frame(block)) look_back_.clear();
    look_back_.push_back(std::move(block));
  }

  void flush_look_back() {
    for (const std::string& block : std::exchange(look_back_, {})) play(block);
  }

  // Of the rollout that is asked for; learns its number on the way.
  bool has_frame(const std::string& block) {
    bool found = false;
    BlockReader reader(block);
    while (const std::optional<Entry> entry = reader.next()) {
      if (entry->kind == EntryKind::kFrame) found = is_wanted(*entry) || found;
    }
    return found;
  }

  bool is_wanted(const Entry& entry) {
    const auto known = services_.find(entry.rollout);
    if (known != services_.end()) return known->second == spec_.service;
    const std::optional<Frame> frame = read_frame(entry.body);
    if (!frame) return false;
    services_[entry.rollout] = frame->key.service;
    return frame->key.service == spec_.service;
  }

  void restart() {
    flush_look_back();
    finish_tick();
    if (trial_) tell(Kind::kRestart, "the weir was started anew");
    services_.clear();
    trial_.reset();
    next_block_.reset();
  }

  void play(const std::string& block) {
    BlockReader reader(block);
    const BlockHead head = reader.head();
    if (next_block_ && head.number != *next_block_) gap(head);
    next_block_ = head.number + 1;
    std::chrono::nanoseconds since{0};
    bool first = true;
    while (const std::optional<Entry> entry = reader.next()) {
      if (entry->kind == EntryKind::kTick) {
        finish_tick();
        since += first ? std::chrono::nanoseconds(0) : entry->dt;
        first = false;
        now_ms_ = head.unix_ms + ms_of(since);
        dt_ = entry->dt;
        open_ = entry->open;
        due_ = true;
      } else if (is_of_wanted(*entry)) {
        happens(*entry);
      }
    }
    if (!reader.ok()) damaged("a block of the records ends early");
  }

  bool is_of_wanted(const Entry& entry) {
    if (entry.kind == EntryKind::kFrame) return is_wanted(entry);
    const auto known = services_.find(entry.rollout);
    return known != services_.end() && known->second == spec_.service;
  }

  void gap(const BlockHead& next) {
    finish_tick();
    if (trial_) {
      tell(Kind::kGap, "records are missing from here to " + log::iso_time(next.unix_ms) +
                           ": the disk did not take them, or they are damaged or deleted");
    }
    trial_.reset();
  }

  void happens(const Entry& entry) {
    switch (entry.kind) {
      case EntryKind::kFrame:
        return with(read_frame(entry.body), [this](Frame& frame) { take_frame(frame); });
      case EntryKind::kInput: {
        ByteReader in(entry.body);
        input_.read(in);
        if (!in.ok()) return lose_track();
        return run_tick();
      }
      case EntryKind::kProposed:
        return with(read_proposed(entry.body), [this](Proposed& proposed) { take_proposed(proposed); });
      case EntryKind::kWithdrawn:
        return with(read_moment(entry.body), [this](Moment& moment) {
          reach(moment);
          pending_ = false;
          withdraw();
        });
      case EntryKind::kEffect:
        return with(read_effect(entry.body), [this](Effect& effect) { take_effect(effect); });
      case EntryKind::kLeft:
        reach(Moment::kBetweenTicks);
        tell(Kind::kLeft, "the rollout was taken out of the plan");
        trial_.reset();
        services_.erase(entry.rollout);
        return;
      case EntryKind::kTick:
        return;
    }
  }

  template <class Body, class Take>
  void with(std::optional<Body> body, const Take& take) {
    if (!body) return lose_track();
    take(*body);
  }
  void lose_track() {
    damaged("an entry of the records cannot be read");
    trial_.reset();
  }

  // Up to this moment all that belongs before it has been done.
  void reach(Moment moment) {
    if (moment != Moment::kBeforeTick) run_tick();
    if (moment == Moment::kBetweenTicks) finish_tick();
  }

  void run_tick() {
    if (!std::exchange(due_, false)) return;
    unsettled_ = true;
    if (trial_) {
      if (other_) introduce_other();
      trial_->tick(input_.input(dt_), open_);
      if (other_) would(other_->tick(input_, dt_, open_, now_ms_));
      result_.reached = result_.reached || now_ms_ >= spec_.from_ms;
      if (result_.ticks++ == 0) result_.from_ms = now_ms_;
      result_.to_ms = now_ms_;
    }
    input_.clear();
  }

  void would(const std::optional<OtherTrial::Would>& would) {
    if (!would) return;
    add({.kind = Kind::kWould,
         .unix_ms = now_ms_,
         .record = json::parse(would->record).value,
         .words = {},
         .approximate = would->approximate});
  }

  // Before a tick, when the other plan does not know where the one that ran stands. What it would have decided before
  // `from` is nobody's question.
  void introduce_other() {
    const bool begins_anew = std::exchange(begins_anew_, false);
    if (now_ms_ >= spec_.from_ms && (begins_anew || unseen_)) {
      unseen_ = false;
      if (other_->know(*trial_, begins_anew)) {
        tell(Kind::kBegins, "the other plan is judged from here on, as if the one that ran had been edited");
      }
    }
    other_->prepare(*trial_);
  }

  // What was not decided in this tick must not be decided now either.
  void finish_tick() {
    run_tick();
    if (!std::exchange(unsettled_, false) || !trial_ || pending_) return;
    const Decision decision = trial_->decision();
    if (decision.kind == Decision::Kind::kHold) return;
    tell(Kind::kDiverged, "nothing was decided here, and now something is", trial_->record(decision, now_ms_));
  }

  void take_frame(Frame& frame) {
    reach(frame.moment);
    result_.found = true;
    result_.key = frame.key;
    const bool goes_on = frame.follows && trial_;
    if (goes_on && !awaits_judge_) {
      const std::string difference = trial_->difference(frame);
      if (difference.empty()) {
        ++result_.frames_equal;
      } else {
        tell(Kind::kDiverged, difference + " than the records say; from here on it goes on with what they say");
      }
    }
    awaits_judge_ = false;
    pending_ = frame.pending;
    unseen_ = unseen_ || !goes_on;
    const bool begins = !trial_;
    trial_ = Trial::of(std::move(frame));
    if (!trial_) return complain("what the judge knew is of another version of the weir, and cannot be read");
    if (begins) tell(Kind::kBegins, {});
    if (!other_ || over_) return;
    result_.incomparable = incomparable(trial_->policy(), *spec_.other);
    over_ = !result_.incomparable.empty();
  }

  void take_proposed(const Proposed& proposed) {
    reach(proposed.moment);
    unsettled_ = false;
    pending_ = true;
    ours_ = proposed.ours;
    ReplayEvent event{.kind = Kind::kDecided,
                      .unix_ms = proposed.unix_ms,
                      .record = json::parse(proposed.record).value,
                      .words = {},
                      .ours = proposed.ours,
                      .blind = proposed.ours && !trial_};
    if (proposed.ours && trial_) {
      const Decision decision = trial_->decision();
      const std::string again = trial_->record(decision, proposed.unix_ms);
      event.again = decision.kind != Decision::Kind::kHold && again == proposed.record;
      if (!event.again) {
        tell(Kind::kDiverged, "something else is decided now", again);
      }
    }
    add(std::move(event));
  }

  void withdraw() {
    const auto decided = [](const ReplayEvent& event) { return event.kind == Kind::kDecided; };
    const auto last = std::find_if(result_.events.rbegin(), result_.events.rend(), decided);
    if (last != result_.events.rend()) last->withdrawn = true;
  }

  void take_effect(const Effect& effect) {
    reach(effect.moment);
    pending_ = false;
    begins_anew_ = effect.new_judge;
    if (!trial_) return;
    awaits_judge_ = !trial_->take(effect);
    if (!other_) return;
    if (std::optional<std::string> why = other_->follow(effect, ours_)) tell(Kind::kWouldNot, std::move(*why));
  }

  void complain(std::string what) { result_.problems.push_back(std::move(what)); }
  void damaged(std::string what) {
    result_.damaged = true;
    complain(std::move(what));
  }
  void tell(Kind kind, std::string words, std::string_view record = {}) {
    add({.kind = kind,
         .unix_ms = now_ms_,
         .record = record.empty() ? json::Value() : json::parse(record).value,
         .words = std::move(words)});
  }
  void add(ReplayEvent event) {
    if (event.unix_ms < spec_.from_ms || event.unix_ms > spec_.to_ms) return;
    result_.reached = true;
    result_.events.push_back(std::move(event));
  }

  const ReplaySpec& spec_;
  Replayed result_;
  std::map<std::uint64_t, std::string> services_;  // by number, in this run
  std::vector<std::string> look_back_;
  std::optional<std::uint64_t> run_;
  std::optional<std::uint64_t> next_block_;
  bool over_ = false;

  std::optional<Trial> trial_;
  std::optional<OtherTrial> other_;
  bool unseen_ = true;         // the other plan does not know where the one that ran stands
  bool begins_anew_ = false;   // the next frame's judge is a new one
  bool ours_ = false;          // what is on its way was decided on the evidence
  bool pending_ = false;       // a decision is on its way to the disk
  bool awaits_judge_ = false;  // the next frame is the first to know the judge
  RecordedInput input_;
  std::int64_t now_ms_ = 0;
  Seconds dt_{0};
  bool open_ = false;
  bool due_ = false;        // the tick is not judged yet
  bool unsettled_ = false;  // it is, and whether something is decided in it is not known yet
};

}  // namespace

// Each rollout has a frame at the beginning of a segment, or where it begins itself.
std::vector<std::string> services_in(const std::vector<std::string>& segments) {
  std::set<std::string> services;
  for (const std::string& path : segments) {
    SegmentReader segment(path);
    while (const std::optional<std::string> block = segment.next()) {
      BlockReader reader(*block);
      while (const std::optional<Entry> entry = reader.next()) {
        if (entry->kind != EntryKind::kFrame) continue;
        if (const std::optional<Frame> frame = read_frame(entry->body)) services.insert(frame->key.service);
      }
    }
  }
  return {services.begin(), services.end()};
}

Replayed replay(const ReplaySpec& spec, const std::vector<std::string>& segments) {
  Replay replay(spec);
  replay.run(segments);
  return replay.result();
}

}  // namespace weir::analysis
