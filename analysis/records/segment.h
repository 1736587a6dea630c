// Confined to one thread at a time. The files of decision records: segments in one folder, numbered, each a head and
// blocks; a head ends with its checksum, and a block is its length, its checksum and itself. A writer only ever
// appends, and begins a new segment with each run of the program, so that files can be read while they are written, the
// oldest can go, and what a kill or a full disk left of a block is seen as such and costs no more than that block. So
// does a block that is damaged.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::analysis {

// Beside the state file.
std::string records_folder(const std::string& state_path);

// Segments, oldest first. Nothing when there is no such folder.
std::vector<std::string> segments_in(const std::string& folder);

class SegmentWriter {
 public:
  // Makes the folder when it first writes. `limit`: bytes of all segments; the oldest go, and so they do where the disk
  // would be full: the state stands on it.
  SegmentWriter(std::string folder, std::uint64_t limit) : folder_(std::move(folder)), limit_(limit) {}
  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  // Empty, or what went wrong: then the block is not there, and the next one must begin a segment.
  std::string begin(std::uint64_t run);
  std::string append(std::string_view block);

 private:
  std::string write_whole(std::string_view bytes);
  std::string fail(std::string what);
  std::string make_room(std::uint64_t bytes);
  bool drop_oldest();

  const std::string folder_;
  const std::uint64_t limit_;
  int file_ = -1;
  std::string path_;
  std::uint64_t size_ = 0;    // of the open segment
  std::uint64_t others_ = 0;  // of all others
  std::uint64_t last_number_ = 0;
};

class SegmentReader {
 public:
  explicit SegmentReader(const std::string& path);

  // Why it cannot be read at all; empty when it can.
  const std::string& error() const { return error_; }
  // There are no records behind this head: neither a whole one, of this or an earlier version, nor what a kill leaves.
  bool head_damaged() const { return head_damaged_; }
  std::uint64_t run() const { return run_; }  // the same for all segments of one run of the program
  // The next whole block; nothing at the end, which is where the file ended when it was opened.
  std::optional<std::string> next();
  // Bytes so far that are no whole block: between two that are, which is damage; behind the last, as a kill leaves
  // them.
  std::uint64_t damaged() const { return damaged_; }
  std::uint64_t torn() const { return torn_; }

 private:
  std::optional<std::string> read_block();
  std::optional<std::uint64_t> next_whole();

  std::ifstream in_;
  std::string error_;
  bool head_damaged_ = false;
  std::uint64_t run_ = 0;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t torn_ = 0;
};

}  // namespace weir::analysis
