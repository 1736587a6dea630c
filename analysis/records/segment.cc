#include "analysis/records/segment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "analysis/judge/bytes.h"
#include "analysis/records/entry.h"
#include "base/hash.h"

namespace weir::analysis {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "weir decision records\n";
constexpr std::string_view kSuffix = ".records";
constexpr std::size_t kBlockHead = 16;  // length and checksum
// Records never fill a disk: of a small one a sixteenth is left free, for what else stands there, such as the state.
constexpr std::uint64_t kLeftFree = 16 * 1024 * 1024;
constexpr std::uint64_t kLeftFreeShare = 16;
constexpr std::uint64_t kMostBlock = 256 * 1024 * 1024;
// What a search for the next whole block may hash: more than a segment of any weir needs, and no more than seconds.
constexpr std::uint64_t kMostHashed = 4ULL * 1024 * 1024 * 1024;
constexpr std::size_t kHeadNumbers = kMagic.size() + 16;  // up to where version and run end
constexpr std::size_t kSegmentHead = kHeadNumbers + 8;    // and the checksum of all that

std::string problem(const std::string& path) { return path + ": " + std::generic_category().message(errno); }

std::optional<std::uint64_t> number_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.ends_with(kSuffix)) return {};
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size() - kSuffix.size();
  const auto [at, error] = std::from_chars(name.data(), end, number);
  return error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

struct Segment {
  std::uint64_t number = 0;
  std::string path;
};

std::vector<Segment> list(const std::string& folder) {
  std::vector<Segment> segments;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (const auto number = number_of(at->path())) segments.push_back({*number, at->path().string()});
  }
  std::sort(segments.begin(), segments.end(),
            [](const Segment& one, const Segment& other) { return one.number < other.number; });
  return segments;
}

std::uint64_t size_of(const std::string& path) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(path, failed);
  return failed ? 0 : size;
}

struct BlockPrefix {
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};

// Nothing where no block can begin that ends within `room` bytes.
std::optional<BlockPrefix> prefix_of(std::string_view bytes, std::uint64_t room) {
  if (bytes.size() < kBlockHead) return {};
  ByteReader reader(bytes);
  const BlockPrefix prefix{.size = reader.word(), .checksum = reader.word()};
  if (prefix.size > std::min(kMostBlock, room - kBlockHead)) return {};
  return prefix;
}

// These bytes would leave others less than is theirs. A file system that does not say has room.
bool is_short_of_room(const std::string& folder, std::uint64_t bytes) {
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) != 0 || disk.f_blocks == 0) return false;
  const std::uint64_t kept = std::min<std::uint64_t>(kLeftFree, disk.f_blocks * disk.f_frsize / kLeftFreeShare);
  return disk.f_bavail * disk.f_frsize < kept + bytes;
}

std::string head(std::uint64_t run) {
  ByteWriter numbers;
  numbers.word(kRecordsVersion);
  numbers.word(run);
  std::string text = std::string(kMagic) + numbers.take();
  ByteWriter checksum;
  checksum.word(xxh3_64(text));
  return text + checksum.take();
}

}  // namespace

std::string records_folder(const std::string& state_path) { return state_path + std::string(kSuffix); }

std::vector<std::string> segments_in(const std::string& folder) {
  std::vector<std::string> paths;
  for (Segment& segment : list(folder)) paths.push_back(std::move(segment.path));
  return paths;
}

SegmentWriter::~SegmentWriter() {
  if (file_ >= 0) ::close(file_);
}

// What is left of a block must not stand before the next one. A disk that is full for hours is not given empty files,
// and the next try has the same name, so that one problem is told once.
std::string SegmentWriter::fail(std::string what) {
  if (file_ >= 0) {
    if (::ftruncate(file_, static_cast<off_t>(size_)) != 0) what += "; and it cannot be cut";
    if (size_ == 0 && ::unlink(path_.c_str()) == 0) --last_number_;
    ::close(file_);
    file_ = -1;
  }
  return what;
}

// The oldest but the open one; false: there is none, or it cannot be removed. A file that somebody deleted takes no room.
bool SegmentWriter::drop_oldest() {
  std::vector<Segment> segments = list(folder_);
  std::erase_if(segments, [this](const Segment& segment) { return segment.path == path_; });
  others_ = 0;
  for (const Segment& segment : segments) others_ += size_of(segment.path);
  if (segments.empty()) return false;
  const std::uint64_t size = size_of(segments.front().path);
  if (::unlink(segments.front().path.c_str()) != 0) return false;
  others_ -= std::min(others_, size);
  return true;
}

std::string SegmentWriter::make_room(std::uint64_t bytes) {
  while (others_ + size_ + bytes > limit_ && drop_oldest()) {
  }
  while (is_short_of_room(folder_, bytes)) {
    if (!drop_oldest()) return folder_ + ": the disk is all but full, and the rest of it is left to others";
  }
  return {};
}

std::string SegmentWriter::begin(std::uint64_t run) {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return problem(folder_);
  others_ = 0;
  for (const Segment& segment : list(folder_)) {
    others_ += size_of(segment.path);
    last_number_ = std::max(last_number_, segment.number);
  }
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "/%010llu", static_cast<unsigned long long>(++last_number_));
  path_ = folder_ + name.data() + std::string(kSuffix);
  size_ = 0;
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file_ < 0) return problem(path_);
  return write_whole(head(run));
}

std::string SegmentWriter::append(std::string_view block) {
  if (file_ < 0) return folder_ + ": no segment is open";
  ByteWriter out;
  out.word(block.size());
  out.word(xxh3_64(block));
  std::string bytes = out.take();
  bytes += block;
  return write_whole(bytes);
}

std::string SegmentWriter::write_whole(std::string_view bytes) {
  if (std::string problem = make_room(bytes.size()); !problem.empty()) return fail(std::move(problem));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t wrote = ::write(file_, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    // What a quota leaves is not known before.
    if (wrote < 0 && (errno == ENOSPC || errno == EDQUOT)) {
      const std::string what = problem(path_);
      if (drop_oldest()) continue;
      return fail(what);
    }
    if (wrote <= 0) return fail(problem(path_));
    done += static_cast<std::size_t>(wrote);
  }
  size_ += bytes.size();
  return {};
}

SegmentReader::SegmentReader(const std::string& path) : in_(path, std::ios::binary) {
  if (!in_) {
    error_ = problem(path);
    return;
  }
  std::string bytes(kSegmentHead, '\0');
  in_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const bool whole = in_.gcount() == static_cast<std::streamsize>(bytes.size());
  if (!std::string_view(bytes).starts_with(kMagic)) {
    // A run that was killed as it began one leaves less than a head.
    const auto read = static_cast<std::size_t>(in_.gcount());
    head_damaged_ = whole || !kMagic.starts_with(std::string_view(bytes).substr(0, read));
    error_ = path + (head_damaged_ ? ": these are no decision records of a weir" : ": the file has only begun");
    return;
  }
  at_ = kSegmentHead;
  end_ = size_of(path);
  ByteReader reader(std::string_view(bytes).substr(kMagic.size()));
  const std::uint64_t version = reader.word();
  run_ = reader.word();
  const std::string expected = head(run_);
  // With this checksum it is of this version, whatever it says: earlier ones had none, or that of their own number.
  const bool sealed = std::string_view(bytes).substr(kHeadNumbers) == std::string_view(expected).substr(kHeadNumbers);
  if (!whole) {
    error_ = path + ": the file has only begun";
  } else if (version == kRecordsVersion ? bytes != expected : sealed) {
    head_damaged_ = true;
    error_ = path + ": its head is damaged, and it was left out";
  } else if (version != kRecordsVersion) {
    head_damaged_ = version == 0 || version > kRecordsVersion;
    error_ = path + ": these decision records are of version " + std::to_string(version) +
             ", and this weir reads version " + std::to_string(kRecordsVersion) +
             "; replay them with the weir that wrote them";
  }
}

std::optional<std::string> SegmentReader::next() {
  while (error_.empty() && at_ < end_) {
    if (std::optional<std::string> block = read_block()) return block;
    const std::optional<std::uint64_t> next = next_whole();
    (next ? damaged_ : torn_) += next.value_or(end_) - at_;
    at_ = next.value_or(end_);
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(at_));
  }
  return {};
}

std::optional<std::string> SegmentReader::read_block() {
  std::array<char, kBlockHead> bytes{};
  in_.read(bytes.data(), static_cast<std::streamsize>(std::min<std::uint64_t>(bytes.size(), end_ - at_)));
  const std::optional<BlockPrefix> prefix =
      prefix_of({bytes.data(), static_cast<std::size_t>(in_.gcount())}, end_ - at_);
  if (!prefix) return {};
  std::string block(prefix->size, '\0');
  in_.read(block.data(), static_cast<std::streamsize>(block.size()));
  if (in_.gcount() != static_cast<std::streamsize>(block.size()) || xxh3_64(block) != prefix->checksum) return {};
  at_ += kBlockHead + block.size();
  return block;
}

// Behind a block that is not whole: where its length says that it ends, and if it is the length that is damaged, or the
// next one is not whole either, wherever one begins.
std::optional<std::uint64_t> SegmentReader::next_whole() {
  std::string rest(end_ - at_, '\0');
  in_.clear();
  in_.seekg(static_cast<std::streamoff>(at_));
  in_.read(rest.data(), static_cast<std::streamsize>(rest.size()));
  rest.resize(static_cast<std::size_t>(in_.gcount()));
  std::uint64_t to_hash = kMostHashed;
  const auto whole_at = [&](std::size_t from) {
    const std::string_view bytes = std::string_view(rest).substr(from);
    const std::optional<BlockPrefix> prefix = prefix_of(bytes, bytes.size());
    if (!prefix || prefix->size > to_hash) return false;
    to_hash -= prefix->size;
    return xxh3_64(bytes.substr(kBlockHead, prefix->size)) == prefix->checksum;
  };
  if (const std::optional<BlockPrefix> prefix = prefix_of(rest, rest.size())) {
    if (whole_at(kBlockHead + prefix->size)) return at_ + kBlockHead + prefix->size;
  }
  for (std::size_t from = 1; from < rest.size(); ++from) {
    if (whole_at(from)) return at_ + from;
  }
  return {};
}

}  // namespace weir::analysis
