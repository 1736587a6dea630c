#include "analysis/records/recording.h"

#include <algorithm>
#include <utility>

#include "analysis/records/input_code.h"
#include "analysis/records/state_code.h"
#include "analysis/rollout/rollout.h"

namespace weir::analysis {
namespace {

std::string policy_bytes(const Rollout& rollout) {
  ByteWriter out;
  write(out, rollout.plan().policy);
  return out.take();
}

// By decide(): on the evidence, the plan and the time. Else somebody said so, or it is how a rollout begins.
bool is_ours(const Decision& decision, std::string_view actor) {
  if (actor != "weir" || decision.kind == Decision::Kind::kStart) return false;
  return decision.rule != "operator" && decision.rule != "state_lost" && decision.rule != "not_recorded";
}

}  // namespace

Recording::Recording(const Clock& clock, const Spec& spec)
    : clock_(clock),
      segment_bytes_(std::min(RecordWriter::kLargestSegment, spec.limit / 8)),
      writer_(spec.folder, spec.limit, spec.run) {}

void Recording::begin_tick(std::chrono::nanoseconds dt, bool open) {
  in_tick_ = true;
  const RecordWriter::Health health = writer_.health();
  if (std::exchange(failures_, health.failures) < health.failures && !lost_) lose();
  if (lost_) {
    if (clock_.now() - lost_at_ < kPause || !health.idle) {
      ++ticks_lost_;
      return;
    }
    lost_ = false;
    begin_segment();
  }
  if (in_segment_ + entries_.size() >= segment_bytes_ && !begins_segment_) {
    flush();
    begin_segment();
  }
  if (head_.ticks++ == 0) {
    const auto now = clock_.wall_now().time_since_epoch();
    head_.unix_ms = std::chrono::duration_cast<Milliseconds>(now).count();
  }
  write_tick(entries_, dt, open);
  for (auto& [service, known] : rollouts_) known.since_frame += dt;
}

void Recording::end_tick() {
  in_tick_ = false;
  if (lost_) return;
  if (head_.ticks >= kBlockTicks || entries_.size() >= kBlockBytes || decided_) flush();
}

void Recording::begin(const Rollout& rollout) {
  if (lost_) return;
  Known& known = this->known(rollout);
  if (!known.framed || known.since_frame >= kFramePeriod) write_frame(rollout, known, Moment::kBeforeTick, true);
}

void Recording::judged(const Rollout& rollout, const TickInput& input) {
  if (lost_) return;
  const bool counted = !input.steps.empty() || !input.elsewhere.empty() || input.outside != nullptr;
  if (!counted && input.malformed == 0 && input.compared.empty()) return;
  ByteWriter out;
  const Judge* const judge = rollout.judging();
  write_input(
      out, input,
      {.users = judge != nullptr && judge->counts_users(), .failed = judge != nullptr && judge->names_failures()});
  write(known(rollout), EntryKind::kInput, out.take());
}

void Recording::proposed(const Rollout& rollout, const Proposal& proposal) {
  if (lost_) return;
  Known& known = this->known(rollout);
  // A rollout that is found rolled back, or lost, decides before its first tick.
  if (!known.framed) write_frame(rollout, known, moment(), false);
  const Proposed body{.moment = moment(),
                      .kind = proposal.decision.kind,
                      .ours = is_ours(proposal.decision, proposal.actor),
                      .unix_ms = proposal.unix_ms,
                      .record = proposal.record};
  write(known, EntryKind::kProposed, body_of(body));
  decided_ = true;
}

void Recording::withdrew(const Rollout& rollout) {
  if (!lost_ && known(rollout).framed) write(known(rollout), EntryKind::kWithdrawn, body_of(moment()));
}

void Recording::took_effect(const Rollout& rollout, const Decision& decision) {
  if (lost_) return;
  Known& known = this->known(rollout);
  if (known.framed) {
    const Effect effect{.moment = moment(),
                        .kind = decision.kind,
                        .new_judge = decision.new_judge,
                        .resumes = decision.resumes,
                        .after = rollout.state()};
    write(known, EntryKind::kEffect, body_of(effect));
  }
  write_frame(rollout, known, moment(), known.framed && !decision.new_judge);
  decided_ = true;
}

void Recording::edited(const Rollout& rollout) {
  if (lost_) return;
  Known& known = this->known(rollout);
  if (known.framed && known.policy == policy_bytes(rollout)) return;
  write_frame(rollout, known, moment(), false);
}

void Recording::left(const Rollout& rollout) {
  if (!lost_ && known(rollout).framed) write(known(rollout), EntryKind::kLeft, body_of(moment()));
  rollouts_.erase(rollout.plan().key.service);
}

// The next rollout of the same service is another one.
Recording::Known& Recording::known(const Rollout& rollout) {
  const auto [at, is_new] = rollouts_.try_emplace(rollout.plan().key.service);
  if (is_new) at->second.number = ++last_number_;
  return at->second;
}

void Recording::write(const Known& known, EntryKind kind, std::string_view body) {
  write_entry(entries_, kind, known.number, body);
}

void Recording::write_frame(const Rollout& rollout, Known& known, Moment moment, bool follows) {
  const Judge* const judge = rollout.judging();
  Frame frame{.moment = moment,
              .follows = follows && known.begun,
              .pending = rollout.waits_for_disk(),
              .minutes = rollout.minutes(),
              .key = rollout.plan().key,
              .state = rollout.state(),
              .judge = {},
              .policy = rollout.plan().policy};
  if (judge != nullptr) frame.judge = judge->snapshot();
  known.policy = policy_bytes(rollout);
  known.framed = known.begun = true;
  known.since_frame = Seconds(0);
  write(known, EntryKind::kFrame, body_of(frame));
}

void Recording::begin_segment() {
  begins_segment_ = true;
  in_segment_ = 0;
  for (auto& [service, known] : rollouts_) known.framed = false;
}

void Recording::flush() {
  decided_ = false;
  const std::uint64_t ticks = head_.ticks;
  std::string bytes = entries_.take();
  if (lost_ || bytes.empty()) return;
  std::string block = block_of(head_, bytes);
  ++head_.number;
  head_.ticks = 0;
  in_segment_ += block.size();
  if (!writer_.push(
          {.bytes = std::move(block), .ticks = ticks, .begins_segment = std::exchange(begins_segment_, false)})) {
    ticks_lost_ += ticks;
    lose();
  }
}

// Whatever comes now has no beginning; what was encoded goes with it.
void Recording::lose() {
  lost_ = true;
  lost_at_ = clock_.now();
  ticks_lost_ += std::exchange(head_.ticks, 0);
  entries_.take();
  ++head_.number;
  for (auto& [service, known] : rollouts_) known.framed = known.begun = false;
}

Recording::Health Recording::health() const {
  const RecordWriter::Health writer = writer_.health();
  Health health{
      .ticks_lost = ticks_lost_ + writer.ticks_lost, .bytes_written = writer.bytes_written, .problem = writer.problem};
  if (health.problem.empty() && lost_) health.problem = "the disk does not take them as fast as they come";
  return health;
}

}  // namespace weir::analysis
