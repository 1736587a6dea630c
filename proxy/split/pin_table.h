// Thread-safe, without a lock. Which version a key is to stay on, for as long as it is asked for: running conversations, and
// the ids that a version has given out. One table is shared by all workers, because a user's next request comes to any of
// them; only requests that are to be kept read it, and what is read is seldom written.
//
// Its memory is fixed. An entry is one 64-bit word, so that it is read and written whole: 24 bits of the key's hash, the
// version, a mark, and when it was last asked for, in 32nds of the expiry. A key has the eight places of one cache line; where
// all are taken, the one longest not asked for makes room, and its key is as if it had never come. Two keys are taken for one
// at one in two million. A time stands for itself again after 2048 expiries.
//
// The version stands in an entry as the number of its stay in the table: when that ends, all that was kept there is dead
// at once, whoever asks for it and whenever. Of such numbers 1024 go round after the versions' first.
//
// See docs/decisions/0007-what-keeps-a-conversation.md.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/ids.h"

namespace weir::proxy {

// Where a key stays, and under which mark it came there; of that 12 bits are kept.
struct Pin {
  static constexpr std::uint32_t kMarks = 1 << 12;

  VersionId version = kNoId;
  std::uint32_t mark = 0;
  bool operator==(const Pin&) const = default;
};

// The last attempt of a rollout that there was.
struct Trial {
  std::uint64_t attempt = 0;  // RolloutTraffic::attempt
  VersionId candidate = kNoId;
  bool promoted = false;
};

class PinTable {
 public:
  // Rounded down to a power of two, and at least 4 KiB. What is not used of it takes no memory.
  static constexpr std::size_t kPinBytes = 8;

  PinTable(std::uint64_t bytes, std::chrono::milliseconds expiry);

  // `key` is a hash of 64 good bits. Asking is what keeps it.
  std::optional<Pin> find(std::uint64_t key, SteadyTime now);

  struct Kept {
    Pin pin;
    bool forgot = false;  // another key, before its time
  };
  // From now on `key` stays there, unless another worker has just said where: then that holds. A version of a number that does
  // not fit is not kept.
  Kept keep(std::uint64_t key, const Pin& pin, SteadyTime now);
  // The same, whatever was said before.
  Kept move(std::uint64_t key, const Pin& pin, SteadyTime now);

  // By one thread at a time; any others may use the table meanwhile. From now on nobody is kept there, nor is who was,
  // also when the version is admitted again. All are to begin with.
  void dismiss(VersionId version);
  void admit(VersionId version);
  // What settle() goes by. Confined to its thread.
  Trial& trial() { return trial_; }

  std::uint64_t bytes() const { return bytes_; }
  std::chrono::milliseconds expiry() const { return expiry_; }
  // Nothing was ever kept.
  bool empty() const { return !used_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kWays = 8;
  // Numbers from 1 on. A version's first one is its own id, and one more.
  static constexpr std::uint32_t kStays = (1 << 12) - 1;
  static constexpr std::uint32_t kLaterStays = 1 << 10;
  static constexpr std::uint32_t kVersions = kStays - kLaterStays;
  static constexpr std::uint16_t kDismissed = 0xffff;

  using Word = std::atomic_ref<std::uint64_t>;
  struct Free {
    void operator()(std::uint64_t* words) const;
  };

  Word place(std::uint64_t key, std::size_t way) const;
  std::uint32_t ticks(SteadyTime now) const;
  Kept put(std::uint64_t key, const Pin& pin, SteadyTime now, bool moves);
  // 0: it is dismissed.
  std::uint32_t stay_of(VersionId version) const;
  // kNoId: that stay is over.
  VersionId version_of(std::uint32_t stay) const;
  // Nothing: it was kept for a stay that is over.
  std::optional<Pin> pin_of(std::uint64_t word) const;

  std::uint64_t bytes_;
  std::chrono::milliseconds expiry_;
  std::chrono::nanoseconds tick_;
  std::unique_ptr<std::uint64_t[], Free> words_;
  std::size_t sets_;
  std::atomic<bool> used_{false};
  std::array<std::atomic<std::uint16_t>, kVersions> stays_{};          // by VersionId; 0: the first one, or kDismissed
  std::array<std::atomic<std::uint16_t>, kLaterStays> later_stays_{};  // whose each is, or was
  std::uint32_t next_stay_ = 0;
  Trial trial_;
};

}  // namespace weir::proxy
