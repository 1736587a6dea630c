#include "analysis/store/mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <system_error>
#include <utility>

#include "analysis/store/hash_of.h"
#include "base/hash.h"

namespace weir::analysis {
namespace {

// A page each, so that no device writes both at once.
constexpr std::size_t kSlot = 4'096;
constexpr std::uint64_t kMagic = 0x6b72'616d'7269'6577;  // "weirmark"
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kLost = 1;
constexpr std::uint64_t kAllClosed = 2;

// magic, version, sequence, database, generation, flags, how many closed; then those; then the hash of all before it.
constexpr std::size_t kHead = 7;
static_assert((kHead + Mark::kMostClosed + 1) * 8 <= kSlot);

void put(std::string& out, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(number >> shift));
}

std::uint64_t number_at(std::string_view bytes, std::size_t index) {
  std::uint64_t number = 0;
  for (std::size_t i = 8; i > 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[index * 8 + i - 1]);
  return number;
}

std::string write_slot(const Mark::Contents& contents, std::uint64_t sequence) {
  std::string out;
  const std::uint64_t flags = (contents.lost ? kLost : 0) | (contents.all_closed ? kAllClosed : 0);
  for (const std::uint64_t number : {kMagic, kVersion, sequence, contents.database, contents.generation, flags,
                                     std::uint64_t{contents.closed.size()}}) {
    put(out, number);
  }
  for (const std::uint64_t key : contents.closed) put(out, key);
  put(out, xxh3_64(out));
  out.resize(kSlot, '\0');
  return out;
}

struct Slot {
  std::uint64_t sequence = 0;
  Mark::Contents contents;
};

std::optional<Slot> read_slot(std::string_view bytes, std::uint64_t place) {
  if (number_at(bytes, 0) != kMagic || number_at(bytes, 1) != kVersion) return {};
  Slot slot{.sequence = number_at(bytes, 2), .contents = {}};
  slot.contents.database = number_at(bytes, 3);
  slot.contents.generation = number_at(bytes, 4);
  slot.contents.lost = (number_at(bytes, 5) & kLost) != 0;
  slot.contents.all_closed = (number_at(bytes, 5) & kAllClosed) != 0;
  const std::uint64_t closed = number_at(bytes, 6);
  if (slot.sequence % 2 != place || closed > Mark::kMostClosed) return {};
  const std::size_t end = kHead + closed;
  if (number_at(bytes, end) != xxh3_64(bytes.substr(0, end * 8))) return {};
  for (std::size_t i = kHead; i < end; ++i) slot.contents.closed.push_back(number_at(bytes, i));
  return slot;
}

// A file descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool is_open() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_;
};

bool write_all(int file, std::string_view bytes, std::size_t at) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += static_cast<std::size_t>(written);
  }
  return true;
}

}  // namespace

std::uint64_t Mark::closed_key(const RolloutKey& key) {
  return hash_of({key.service, key.baseline, key.candidate, key.revision});
}

Mark::Found Mark::read() {
  contents_ = {};
  written_ = false;
  const Descriptor file(path_, O_RDONLY);
  if (!file.is_open()) return errno == ENOENT || errno == ENOTDIR ? Found::kNothing : Found::kUnreadable;
  std::array<char, 2 * kSlot> bytes{};
  const ssize_t read = ::pread(file.number(), bytes.data(), bytes.size(), 0);
  if (read < 0) return Found::kUnreadable;
  if (read != static_cast<ssize_t>(bytes.size())) return Found::kDamage;
  const std::string_view all(bytes.data(), bytes.size());
  for (std::uint64_t place = 0; place < 2; ++place) {
    const std::optional<Slot> slot = read_slot(all.substr(place * kSlot, kSlot), place);
    if (!slot || (written_ && slot->sequence < sequence_)) continue;
    sequence_ = slot->sequence;
    contents_ = slot->contents;
    written_ = true;
  }
  return written_ ? Found::kMark : Found::kDamage;
}

std::string Mark::write(const Contents& contents) {
  if (written_ && contents == contents_) return {};
  const std::string slot = write_slot(contents, sequence_ + 1);
  // Somebody may have removed it.
  const bool there = written_ && ::access(path_.c_str(), F_OK) == 0;
  if (!(there ? overwrite(slot) : create(slot))) return path_ + ": " + std::generic_category().message(errno);
  ++sequence_;
  contents_ = contents;
  written_ = true;
  return {};
}

bool Mark::overwrite(const std::string& slot) {
  const Descriptor file(path_, O_WRONLY);
  return file.is_open() && write_all(file.number(), slot, (sequence_ + 1) % 2 * kSlot) &&
         ::fdatasync(file.number()) == 0;
}

// Both slots at once, and under its name only when it is whole.
bool Mark::create(const std::string& slot) {
  const std::string fresh = path_ + ".new";
  std::string bytes(2 * kSlot, '\0');
  bytes.replace((sequence_ + 1) % 2 * kSlot, kSlot, slot);
  {
    const Descriptor file(fresh, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.is_open()) return false;
    if (!write_all(file.number(), bytes, 0) || ::fdatasync(file.number()) != 0) {
      const int why = errno;
      ::unlink(fresh.c_str());
      errno = why;
      return false;
    }
  }
  if (::rename(fresh.c_str(), path_.c_str()) != 0) return false;
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  const Descriptor names(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
  // A folder that may not be read, or whose file system syncs none, is as SQLite takes it: the name is there.
  if (!names.is_open() || ::fsync(names.number()) == 0) return true;
  return errno != EIO && errno != ENOSPC && errno != EDQUOT;
}

}  // namespace weir::analysis
