// Confined to the control thread. The Recorder on a disk: what each tick's decisions followed from, for `weir replay`.
// It costs the control thread the encoding of what came and now and then a judge's snapshot; the disk is another
// thread's.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "analysis/judge/bytes.h"
#include "analysis/records/entry.h"
#include "analysis/records/record_writer.h"
#include "analysis/rollout/recorder.h"
#include "base/clock.h"

namespace weir::analysis {

class Recording final : public Recorder {
 public:
  struct Spec {
    std::string folder;
    std::uint64_t limit = 0;  // bytes of all segments
    std::uint64_t run = 0;    // tells this run of the program from others
  };
  Recording(const Clock& clock, const Spec& spec);

  void begin_tick(std::chrono::nanoseconds dt, bool open) override;
  void end_tick() override;
  void begin(const Rollout& rollout) override;
  void judged(const Rollout& rollout, const TickInput& input) override;
  void proposed(const Rollout& rollout, const Proposal& proposal) override;
  void withdrew(const Rollout& rollout) override;
  void took_effect(const Rollout& rollout, const Decision& decision) override;
  void edited(const Rollout& rollout) override;
  void left(const Rollout& rollout) override;

  // Hands over what it has; for a clean end.
  void flush();
  // All that was handed over is written or lost: the writer does not hang on a disk.
  bool idle() const { return writer_.health().idle; }

  struct Health {
    std::uint64_t ticks_lost = 0;
    std::uint64_t bytes_written = 0;
    std::string problem;  // for people; empty: records are kept
  };
  Health health() const;

 private:
  // After a loss so long nothing is recorded; then all begins anew.
  static constexpr std::chrono::seconds kPause{5};
  static constexpr std::chrono::minutes kFramePeriod{10};
  static constexpr std::uint64_t kBlockTicks = 10;
  static constexpr std::size_t kBlockBytes = 64 * 1024;

  struct Known {
    std::uint64_t number = 0;
    bool framed = false;  // in this segment
    bool begun = false;   // all since its first frame was recorded
    Seconds since_frame{0};
    std::string policy;  // as it was last recorded
  };

  Known& known(const Rollout& rollout);
  void write(const Known& known, EntryKind kind, std::string_view body);
  void write_frame(const Rollout& rollout, Known& known, Moment moment, bool follows);
  Moment moment() const { return in_tick_ ? Moment::kWithinTick : Moment::kBetweenTicks; }
  void begin_segment();
  void lose();

  const Clock& clock_;
  const std::uint64_t segment_bytes_;
  RecordWriter writer_;
  ByteWriter entries_;
  BlockHead head_;
  std::uint64_t in_segment_ = 0;  // bytes
  bool begins_segment_ = true;
  bool lost_ = false;
  SteadyTime lost_at_;
  std::uint64_t ticks_lost_ = 0;  // here; the writer has its own
  std::uint64_t failures_ = 0;    // of the writer, that are known here
  bool in_tick_ = false;
  bool decided_ = false;  // since the last block
  std::uint64_t last_number_ = 0;
  std::map<std::string, Known, std::less<>> rollouts_;  // by service
};

}  // namespace weir::analysis
