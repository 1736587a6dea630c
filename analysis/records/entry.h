// Pure functions and plain values. What is told of the rollouts as it goes into a block of records, and back.
//
// A block is a head and entries. An entry is a tick, or something that happened to one rollout: its number, and a body
// that a reader may skip. Numbers are given by frames, and hold until the next segment. A rollout without an input in a
// tick had none.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/judge/bytes.h"
#include "analysis/rollout/decide.h"
#include "analysis/rollout/ports.h"
#include "analysis/rollout/rollout_state.h"
#include "config/rollout.h"

namespace weir::analysis {

// Of everything below, of segment.h, input_code.h and state_code.h. Records of another version are not read.
inline constexpr std::uint64_t kRecordsVersion = 11;

struct BlockHead {
  std::uint64_t number = 0;  // from 0 on in each run of the program; one that is missing is a gap
  std::int64_t unix_ms = 0;  // of the first tick
  std::uint64_t ticks = 0;
};

enum class EntryKind : std::uint8_t {
  kTick = 1,
  kFrame,
  kInput,  // body: write_input()
  kProposed,
  kWithdrawn,
  kEffect,
  kLeft,
};

// Where in the order of things: commands and edits come between ticks.
enum class Moment : std::uint8_t { kBeforeTick, kWithinTick, kBetweenTicks };

struct Entry {
  EntryKind kind = EntryKind::kTick;
  std::chrono::nanoseconds dt{0};  // of a tick
  bool open = false;               // of a tick: the store has taken a write, weights above 0 are served
  std::uint64_t rollout = 0;       // of all others
  std::string_view body;
};

// All that is known of a rollout: from here on it can be judged again.
struct Frame {
  Moment moment = Moment::kBeforeTick;
  bool follows = false;  // from what was recorded of it before; else it begins here, or its plan has changed
  bool pending = false;  // a decision is on its way to the disk
  std::uint64_t minutes = 0;
  RolloutKey key;
  RolloutState state;
  std::optional<std::string> judge;  // Judge::snapshot()
  config::Rollout policy;
};

struct Proposed {
  Moment moment = Moment::kWithinTick;
  Decision::Kind kind = Decision::Kind::kHold;
  bool ours = false;  // by decide(), on the evidence, the plan and the time
  std::int64_t unix_ms = 0;
  std::string_view record;  // JSON, as the history has it
};

struct Effect {
  Moment moment = Moment::kWithinTick;
  Decision::Kind kind = Decision::Kind::kHold;
  bool new_judge = false;
  bool resumes = false;
  RolloutState after;
};

// Each appends one entry.
void write_tick(ByteWriter& out, std::chrono::nanoseconds dt, bool open);
void write_entry(ByteWriter& out, EntryKind kind, std::uint64_t rollout, std::string_view body);

std::string body_of(const Frame& frame);
std::string body_of(const Proposed& proposed);
std::string body_of(const Effect& effect);
std::string body_of(Moment moment);  // of what has nothing else to say

// Nothing when it is damaged.
std::optional<Frame> read_frame(std::string_view body);
std::optional<Proposed> read_proposed(std::string_view body);
std::optional<Effect> read_effect(std::string_view body);
std::optional<Moment> read_moment(std::string_view body);

std::string block_of(const BlockHead& head, std::string_view entries);

// Reads a block. Its bytes must outlive what is read of it.
class BlockReader {
 public:
  explicit BlockReader(std::string_view block);

  const BlockHead& head() const { return head_; }
  // Nothing at the end, or where the block is damaged: then ok() is false.
  std::optional<Entry> next();
  bool ok() const { return in_.ok(); }

 private:
  ByteReader in_;
  BlockHead head_;
};

}  // namespace weir::analysis
