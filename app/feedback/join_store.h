// Confined to the control thread. Which rollout, step and arm requests were answered by, for the scores that come later:
// a ring of fixed size, the oldest are forgotten first. In a file that is mapped, so that it is there after a restart,
// however the process ended; where the file cannot be, in memory.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/score.h"

namespace weir::app {

// What is known of a request, frozen when it was assigned (STATISTICS.md 4.1), as it lies in the file: whole numbers, so
// that the worst that a damaged one can be is wrong.
struct alignas(64) JoinRecord {
  std::array<std::uint64_t, kJoinKinds> keys{};
  std::uint64_t rollout = 0;  // rollout_identity(); 0: an empty place
  StepId step = 0;            // unique within the rollout's life
  std::uint32_t second = 0;   // since 1970, when it ended
  std::uint8_t cluster = 0;
  std::uint8_t flags = 0;
  std::uint16_t spare = 0;
  // Of the (name, source) pairs whose first value is in, a hash each; 0: none yet.
  std::array<std::uint16_t, 6> scored{};

  static constexpr std::uint8_t kCandidate = 1;
  static constexpr std::uint8_t kJudged = 2;
  static constexpr unsigned kMixedBit = 4;  // and one for each kind of key from there

  Arm arm() const { return (flags & kCandidate) != 0 ? Arm::kCandidate : Arm::kBaseline; }
  bool judged() const { return (flags & kJudged) != 0; }
  // Earlier requests with this key met another version, or another rollout.
  bool mixed(JoinKind kind) const { return (flags >> (kMixedBit + static_cast<unsigned>(kind)) & 1) != 0; }

  // Of a name and a source whether this is their first value, which from now on has come.
  enum class Turn : std::uint8_t { kFirst, kLater, kNoRoom };
  Turn take_turn(std::string_view name, std::string_view source);
};
static_assert(sizeof(JoinRecord) == 64);

class JoinStore {
 public:
  // Scores that are later than this are about nothing.
  static constexpr std::chrono::hours kKept{24};

  // Room for what fits into `bytes`. An empty path: in memory alone.
  JoinStore(const std::string& path, std::uint64_t bytes);
  ~JoinStore();
  JoinStore(const JoinStore&) = delete;
  JoinStore& operator=(const JoinStore&) = delete;

  // What had to make room for it, though it was not kKept old.
  std::optional<JoinRecord> add(const Joinable& request, std::uint32_t second);
  // The newest with this key. Valid until the next add(). Null: it is not known, or no longer.
  JoinRecord* find(JoinKind kind, std::uint64_t key);
  static bool expired(const JoinRecord& record, std::uint32_t second);

  std::size_t capacity() const { return places_; }
  // Why a restart will forget everything; empty: it will not.
  const std::string& problem() const { return problem_; }

 private:
  struct Header;
  // Where a key can be looked up at: numbers of records, counted from 1, with some bits of the key; 0: none.
  using Slot = std::uint32_t;
  struct alignas(64) Bucket {
    std::array<Slot, 16> slots{};
  };
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  bool map_file(const std::string& path);
  void map_memory();
  JoinRecord* records() const;
  Slot slot_of(std::uint32_t number, std::uint64_t key) const;
  Bucket& bucket(std::uint64_t key) { return index_[(key >> 32) * buckets_ >> 32]; }
  void enter(std::uint32_t number);
  void remove(std::uint32_t number);
  // How long ago the record was written, in records.
  std::size_t age(std::uint32_t number) const;

  std::size_t places_ = 0;
  std::size_t mapped_ = 0;  // bytes
  Header* header_ = nullptr;
  std::size_t buckets_ = 0;
  std::unique_ptr<Bucket[], Free> index_;  // takes memory as it is written to
  std::string problem_;
};

}  // namespace weir::app
