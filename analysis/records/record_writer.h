// Thread-safe: one thread hands blocks over and never waits; one of its own writes them. What the disk does not take is
// lost, and so is what finds no room in the queue: records are there to be looked at later, and nothing waits for them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "analysis/records/segment.h"

namespace weir::analysis {

class RecordWriter {
 public:
  static constexpr std::size_t kMostWaiting = 64 * 1024 * 1024;  // bytes
  // Segments are an eighth of the limit, at most this.
  static constexpr std::uint64_t kLargestSegment = 64 * 1024 * 1024;

  struct Block {
    std::string bytes;
    std::uint64_t ticks = 0;
    bool begins_segment = false;
  };

  // `limit`: bytes of all segments. `run` tells this run of the program from others.
  RecordWriter(std::string folder, std::uint64_t limit, std::uint64_t run);
  // Writes what waits, once.
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  // False: there is no room, and the block is not taken.
  bool push(Block block);

  struct Health {
    std::uint64_t ticks_lost = 0;     // of blocks that the disk did not take
    std::uint64_t bytes_written = 0;  // ever
    std::string problem;              // why the last block was not written; empty: it was
    std::uint64_t failures = 0;       // after each, all is lost up to the next segment
    bool idle = false;                // nothing waits or is being written
  };
  Health health() const;

 private:
  void run();
  std::string write(const Block& block);

  const std::uint64_t run_;
  SegmentWriter segments_;  // of the writing thread

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Block> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool busy_ = false;
  bool stopping_ = false;
  bool broken_ = false;  // what follows a block that is lost says nothing without it
  Health health_;
  std::thread writer_;
};

}  // namespace weir::analysis
