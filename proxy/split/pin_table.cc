#include "proxy/split/pin_table.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

namespace weir::proxy {
namespace {

constexpr std::uint64_t kLeastBytes = 4'096;
constexpr std::uint32_t kLife = 32;       // ticks
constexpr std::uint32_t kTimes = 1 << 16;

// tag 24 | stay 12 | mark 12 | time 16. No stay is 0: that is no entry.
std::uint64_t tag_of(std::uint64_t key) { return key >> 40 << 40; }
bool has_tag(std::uint64_t word, std::uint64_t key) { return word != 0 && (word ^ key) >> 40 == 0; }
std::uint32_t time_of(std::uint64_t word) { return static_cast<std::uint32_t>(word % kTimes); }
std::uint64_t at_time(std::uint64_t word, std::uint32_t now) { return word / kTimes * kTimes + now; }

// In ticks. Another worker may be a little ahead of `now`.
std::uint32_t age_of(std::uint64_t word, std::uint32_t now) {
  const std::uint32_t age = (now - time_of(word)) % kTimes;
  return age < kTimes - kLife ? age : 0;
}

bool alive(std::uint64_t word, std::uint32_t now) { return word != 0 && age_of(word, now) <= kLife; }

std::uint64_t word_of(std::uint64_t key, std::uint32_t stay, std::uint32_t mark, std::uint32_t now) {
  return tag_of(key) | std::uint64_t{stay} << 28 | std::uint64_t{mark % Pin::kMarks} << 16 | now;
}

}  // namespace

void PinTable::Free::operator()(std::uint64_t* words) const { std::free(words); }

PinTable::PinTable(std::uint64_t bytes, std::chrono::milliseconds expiry)
    : bytes_(bytes),
      expiry_(expiry),
      tick_(std::max(std::chrono::nanoseconds(1), std::chrono::nanoseconds(expiry) / kLife)) {
  const std::uint64_t size = std::bit_floor(std::max(bytes, kLeastBytes));
  // Zero pages of the kernel's, which are nobody's until they are written to.
  void* const memory = std::calloc(size / kPinBytes, kPinBytes);
  if (memory == nullptr) throw std::bad_alloc();
  words_.reset(static_cast<std::uint64_t*>(memory));
  sets_ = size / kPinBytes / kWays;
}

PinTable::Word PinTable::place(std::uint64_t key, std::size_t way) const { return Word(words_[key % sets_ * kWays + way]); }

std::uint32_t PinTable::ticks(SteadyTime now) const {
  return static_cast<std::uint32_t>(now.time_since_epoch() / tick_ % kTimes);
}

std::uint32_t PinTable::stay_of(VersionId version) const {
  const std::uint16_t stay = stays_[version].load(std::memory_order_relaxed);
  return stay == kDismissed ? 0 : stay == 0 ? version + 1 : stay;
}

VersionId PinTable::version_of(std::uint32_t stay) const {
  const VersionId version =
      stay <= kVersions ? stay - 1 : later_stays_[stay - kVersions - 1].load(std::memory_order_relaxed);
  return stay_of(version) == stay ? version : kNoId;
}

std::optional<Pin> PinTable::pin_of(std::uint64_t word) const {
  const VersionId version = version_of(static_cast<std::uint32_t>(word >> 28 & kStays));
  if (version == kNoId) return {};
  return Pin{.version = version, .mark = static_cast<std::uint32_t>(word >> 16) % Pin::kMarks};
}

void PinTable::dismiss(VersionId version) {
  if (version < kVersions) stays_[version].store(kDismissed, std::memory_order_relaxed);
}

void PinTable::admit(VersionId version) {
  if (version >= kVersions || stay_of(version) != 0) return;
  for (std::uint32_t tries = 0; tries < kLaterStays; ++tries) {
    const std::uint32_t place = next_stay_++ % kLaterStays;
    const std::uint32_t stay = kVersions + 1 + place;
    if (version_of(stay) != kNoId) continue;
    later_stays_[place].store(static_cast<std::uint16_t>(version), std::memory_order_relaxed);
    stays_[version].store(static_cast<std::uint16_t>(stay), std::memory_order_relaxed);
    return;
  }
}

std::optional<Pin> PinTable::find(std::uint64_t key, SteadyTime now) {
  const std::uint32_t time = ticks(now);
  for (std::size_t way = 0; way < kWays; ++way) {
    std::uint64_t word = place(key, way).load(std::memory_order_relaxed);
    if (!has_tag(word, key)) continue;
    const std::optional<Pin> pin = alive(word, time) ? pin_of(word) : std::nullopt;
    if (!pin) return {};
    // Whoever has changed it meanwhile has said as much.
    if (age_of(word, time) != 0) place(key, way).compare_exchange_strong(word, at_time(word, time), std::memory_order_relaxed);
    return pin;
  }
  return {};
}

PinTable::Kept PinTable::keep(std::uint64_t key, const Pin& pin, SteadyTime now) { return put(key, pin, now, false); }

PinTable::Kept PinTable::move(std::uint64_t key, const Pin& pin, SteadyTime now) { return put(key, pin, now, true); }

// Each time that another worker is quicker, the set is looked at anew; a key that comes to nothing so often stays where this
// request goes, and is not kept.
PinTable::Kept PinTable::put(std::uint64_t key, const Pin& pin, SteadyTime now, bool moves) {
  constexpr int kTries = 4;
  Kept kept{.pin = pin};
  const std::uint32_t stay = pin.version < kVersions ? stay_of(pin.version) : 0;
  if (stay == 0) return kept;
  if (empty()) used_.store(true, std::memory_order_relaxed);
  const std::uint32_t time = ticks(now);
  for (int tries = 0; tries < kTries; ++tries) {
    std::size_t chosen = 0;
    std::uint64_t old = 0;
    std::uint32_t oldest = 0;
    for (std::size_t way = 0; way < kWays; ++way) {
      const std::uint64_t word = place(key, way).load(std::memory_order_relaxed);
      const bool own = has_tag(word, key);
      if (own && alive(word, time) && !moves) {
        if (const std::optional<Pin> known = pin_of(word)) return {.pin = *known};
      }
      // Its own place before an empty one, that before the one longest not asked for.
      const std::uint32_t age = own ? kTimes + 1 : word == 0 ? kTimes : age_of(word, time);
      if (way != 0 && age <= oldest) continue;
      chosen = way;
      old = word;
      oldest = age;
    }
    const bool forgets = alive(old, time) && !has_tag(old, key);
    if (place(key, chosen).compare_exchange_strong(old, word_of(key, stay, pin.mark, time), std::memory_order_relaxed)) {
      kept.forgot = forgets;
      return kept;
    }
  }
  return kept;
}

}  // namespace weir::proxy
