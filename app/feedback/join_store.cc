#include "app/feedback/join_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/hash.h"

namespace weir::app {
namespace {

constexpr std::uint64_t kMagic = 0x31736e696f6a7277;  // "wrjoins1": another layout is another number
constexpr std::size_t kHeaderSize = 4096;
constexpr std::size_t kFewest = 1024;
constexpr unsigned kNumberBits = 26;
constexpr std::uint32_t kNumberMask = (1U << kNumberBits) - 1;

// A process that is killed leaves its stores in the order that the program has them: the compiler must keep it.
void in_this_order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

struct JoinStore::Header {
  std::uint64_t magic = kMagic;
  std::uint64_t places = 0;
  std::uint64_t next = 0;  // that is written next
  std::uint64_t used = 0;  // so many have been written, ever, as far as there are places
};

// Fifteen bits, not the same ones for every request: two pairs that are taken for one are so for one request in 32,768.
JoinRecord::Turn JoinRecord::take_turn(std::string_view name, std::string_view source) {
  const auto mark = static_cast<std::uint16_t>(xxh3_64(source, xxh3_64(name, keys[0])) | 1U);
  const auto free = std::find(scored.begin(), scored.end(), std::uint16_t{0});
  if (std::find(scored.begin(), free, mark) != free) return Turn::kLater;
  if (free == scored.end()) return Turn::kNoRoom;
  *free = mark;
  return Turn::kFirst;
}

// A record, and for each of its keys two slots in the index, so that it is half empty.
JoinStore::JoinStore(const std::string& path, std::uint64_t bytes) {
  constexpr std::size_t kEach = sizeof(JoinRecord) + 2 * kJoinKinds * sizeof(Slot);
  places_ = std::clamp<std::size_t>(static_cast<std::size_t>(bytes / kEach), kFewest, kNumberMask);
  mapped_ = kHeaderSize + places_ * sizeof(JoinRecord);
  buckets_ = 2 * kJoinKinds * places_ / Bucket{}.slots.size();
  index_.reset(static_cast<Bucket*>(std::calloc(buckets_, sizeof(Bucket))));
  if (index_ == nullptr) throw std::bad_alloc();
  if (path.empty() || !map_file(path)) map_memory();
  const bool ours = header_->magic == kMagic && header_->places == places_ && header_->next < places_ &&
                    header_->used <= places_;
  if (!ours) {
    std::memset(static_cast<void*>(header_), 0, mapped_);
    new (header_) Header{.magic = kMagic, .places = places_, .next = 0, .used = 0};
  }
  const std::size_t used = header_->used;
  for (std::size_t i = 0; i < used; ++i) {
    const std::size_t number = (header_->next + places_ - used + i) % places_;  // oldest first
    if (records()[number].rollout != 0) enter(static_cast<std::uint32_t>(number + 1));
  }
}

JoinStore::~JoinStore() { ::munmap(header_, mapped_); }

// All its blocks are taken now: a mapped file that finds the disk full when it is written to ends the process.
bool JoinStore::map_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) {
    problem_ = path + ": " + std::strerror(errno);
    return false;
  }
  struct stat known {};
  void* mapped = MAP_FAILED;
  int error = ::fstat(file, &known) == 0 ? 0 : errno;
  // One of another size is another configuration's.
  if (error == 0 && static_cast<std::size_t>(known.st_size) != mapped_ && ::ftruncate(file, 0) != 0) error = errno;
  if (error == 0) error = ::posix_fallocate(file, 0, static_cast<off_t>(mapped_));
  if (error == 0) {
    mapped = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) error = errno;
  }
  ::close(file);
  if (error != 0) {
    problem_ = path + ": " + std::strerror(error);
    ::unlink(path.c_str());
    return false;
  }
  header_ = static_cast<Header*>(mapped);
  return true;
}

void JoinStore::map_memory() {
  void* const mapped =
      ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  header_ = static_cast<Header*>(mapped);
}

JoinRecord* JoinStore::records() const {
  return reinterpret_cast<JoinRecord*>(reinterpret_cast<std::byte*>(header_) + kHeaderSize);
}

std::size_t JoinStore::age(std::uint32_t number) const {
  return (header_->next + places_ - number) % places_;
}

JoinStore::Slot JoinStore::slot_of(std::uint32_t number, std::uint64_t key) const {
  return number | static_cast<Slot>(key << kNumberBits);
}

// In a free slot, else in that of the oldest. Of a key that is there already the newest record stands for all.
void JoinStore::enter(std::uint32_t number) {
  const JoinRecord& record = records()[number - 1];
  for (std::size_t kind = 0; kind < kJoinKinds; ++kind) {
    const std::uint64_t key = record.keys[kind];
    if (key == 0) continue;
    const auto worth = [&](Slot slot) {
      if (slot == 0) return places_ + 1;
      const std::uint32_t other = slot & kNumberMask;
      if (slot == slot_of(other, key) && records()[other - 1].keys[kind] == key) return places_ + 2;
      return age(other);
    };
    auto& slots = bucket(key).slots;
    *std::max_element(slots.begin(), slots.end(), [&](Slot a, Slot b) { return worth(a) < worth(b); }) =
        slot_of(number, key);
  }
}

void JoinStore::remove(std::uint32_t number) {
  for (const std::uint64_t key : records()[number - 1].keys) {
    if (key == 0) continue;
    auto& slots = bucket(key).slots;
    std::replace(slots.begin(), slots.end(), slot_of(number, key), Slot{0});
  }
}

std::optional<JoinRecord> JoinStore::add(const Joinable& request, std::uint32_t second) {
  const auto number = static_cast<std::uint32_t>(header_->next + 1);
  JoinRecord& record = records()[number - 1];
  std::optional<JoinRecord> forgotten;
  if (record.rollout != 0) {
    if (!expired(record, second)) forgotten = record;
    remove(number);
  }
  std::uint8_t flags = 0;
  if (request.of.arm == Arm::kCandidate) flags |= JoinRecord::kCandidate;
  if (request.of.judged) flags |= JoinRecord::kJudged;
  for (std::size_t kind = 0; kind < kJoinKinds; ++kind) {
    const JoinRecord* const before = find(static_cast<JoinKind>(kind), request.keys[kind]);
    if (before == nullptr || expired(*before, second)) continue;
    const bool other = before->rollout != request.rollout || before->arm() != request.of.arm;
    if (!other && !before->mixed(static_cast<JoinKind>(kind))) continue;
    flags = static_cast<std::uint8_t>(flags | 1U << (JoinRecord::kMixedBit + kind));
  }
  record.rollout = 0;  // while it is written, it is nobody's
  in_this_order();
  record.keys = request.keys;
  record.step = request.of.step;
  record.second = second;
  record.cluster = request.of.cluster;
  record.flags = flags;
  record.scored = {};
  in_this_order();
  record.rollout = request.rollout;
  header_->used = std::max<std::uint64_t>(header_->used, number);
  header_->next = number % places_;
  enter(number);
  return forgotten;
}

JoinRecord* JoinStore::find(JoinKind kind, std::uint64_t key) {
  if (key == 0) return nullptr;
  for (const Slot slot : bucket(key).slots) {
    const std::uint32_t number = slot & kNumberMask;
    if (number == 0 || slot != slot_of(number, key)) continue;
    JoinRecord& record = records()[number - 1];
    if (record.keys[static_cast<std::size_t>(kind)] == key) return &record;
  }
  return nullptr;
}

bool JoinStore::expired(const JoinRecord& record, std::uint32_t second) {
  return second > record.second && second - record.second > std::chrono::seconds(kKept).count();
}

}  // namespace weir::app
