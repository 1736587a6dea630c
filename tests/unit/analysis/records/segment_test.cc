// The files of decision records: whole blocks or none, the oldest goes, and a disk that fails costs records alone.
#include "analysis/records/segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "analysis/judge/bytes.h"
#include "analysis/records/record_writer.h"
#include "base/hash.h"
#include "tests/unit/analysis/records/folder.h"

namespace weir::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> blocks_of(const std::string& path) {
  SegmentReader reader(path);
  std::vector<std::string> blocks;
  while (std::optional<std::string> block = reader.next()) blocks.push_back(std::move(*block));
  return blocks;
}

std::uintmax_t size_of(const std::string& folder) {
  std::uintmax_t sum = 0;
  for (const std::string& segment : segments_in(folder)) sum += std::filesystem::file_size(segment);
  return sum;
}

TEST(Segment, HasTheBlocksInTheirOrder) {
  const testing::Folder folder;
  const std::string records = folder.in("records");
  SegmentWriter writer(records, 1'000'000);
  EXPECT_THAT(segments_in(records), IsEmpty());
  EXPECT_EQ(writer.begin(42), "");
  EXPECT_EQ(writer.append("one"), "");
  // Read while it is written.
  EXPECT_THAT(blocks_of(segments_in(records).at(0)), ElementsAre("one"));
  EXPECT_EQ(writer.append(""), "");
  EXPECT_EQ(writer.append(std::string(100'000, 'x')), "");
  EXPECT_EQ(writer.begin(42), "");
  EXPECT_EQ(writer.append("four"), "");
  const std::vector<std::string> segments = segments_in(records);
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_THAT(blocks_of(segments[0]), ElementsAre("one", "", std::string(100'000, 'x')));
  EXPECT_THAT(blocks_of(segments[1]), ElementsAre("four"));
  EXPECT_EQ(SegmentReader(segments[1]).run(), 42U);
}

TEST(Segment, EndsBeforeABlockThatIsNotWhole) {
  const testing::Folder folder;
  SegmentWriter writer(folder.in("records"), 1'000'000);
  ASSERT_EQ(writer.begin(1), "");
  ASSERT_EQ(writer.append("first"), "");
  const std::string path = segments_in(folder.in("records")).at(0);
  const std::uintmax_t whole = std::filesystem::file_size(path);
  ASSERT_EQ(writer.append("second"), "");
  const std::uintmax_t more = std::filesystem::file_size(path);
  for (std::uintmax_t size = more - 1; size > whole; --size) {
    std::filesystem::resize_file(path, size);
    SegmentReader reader(path);
    EXPECT_EQ(reader.next(), "first");
    EXPECT_EQ(reader.next(), std::nullopt);
    EXPECT_EQ(reader.torn(), size - whole);
  }
}

TEST(Segment, EndsBeforeABlockThatIsDamaged) {
  const testing::Folder folder;
  SegmentWriter writer(folder.in("records"), 1'000'000);
  ASSERT_EQ(writer.begin(1), "");
  ASSERT_EQ(writer.append("first"), "");
  ASSERT_EQ(writer.append("second"), "");
  const std::string path = segments_in(folder.in("records")).at(0);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put('X');
  file.close();
  SegmentReader reader(path);
  EXPECT_EQ(reader.next(), "first");
  EXPECT_EQ(reader.next(), std::nullopt);
  EXPECT_GT(reader.torn(), 0U);
}

// Whatever bit it is, of a block's length, its checksum or itself: what it costs is that block.
TEST(Segment, GoesOnBehindABlockThatIsDamaged) {
  const testing::Folder folder;
  SegmentWriter writer(folder.in("records"), 1'000'000);
  ASSERT_EQ(writer.begin(1), "");
  ASSERT_EQ(writer.append("first"), "");
  const std::string path = segments_in(folder.in("records")).at(0);
  const std::uintmax_t from = std::filesystem::file_size(path);
  ASSERT_EQ(writer.append("second, of which something will be damaged"), "");
  const std::uintmax_t to = std::filesystem::file_size(path);
  ASSERT_EQ(writer.append(""), "");
  ASSERT_EQ(writer.append("fourth"), "");
  const auto flip = [&](std::uintmax_t byte, unsigned bit) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(byte));
    const int was = file.get();
    file.seekp(static_cast<std::streamoff>(byte));
    file.put(static_cast<char>(was ^ (1 << bit)));
  };
  for (std::uintmax_t byte = from; byte < to; ++byte) {
    const auto bit = static_cast<unsigned>(byte % 8);
    flip(byte, bit);
    SegmentReader reader(path);
    EXPECT_EQ(reader.next(), "first");
    EXPECT_EQ(reader.next(), "") << byte - from;
    EXPECT_EQ(reader.damaged(), to - from);
    EXPECT_EQ(reader.next(), "fourth");
    EXPECT_EQ(reader.next(), std::nullopt);
    EXPECT_EQ(reader.damaged(), to - from);
    EXPECT_EQ(reader.torn(), 0U);
    flip(byte, bit);
  }
  // Two in a row, and the last one: that may be what a kill left.
  flip(from + 20, 0);
  flip(to + 8, 0);
  SegmentReader reader(path);
  EXPECT_EQ(reader.next(), "first");
  EXPECT_EQ(reader.next(), "fourth");
  EXPECT_EQ(reader.damaged(), to + 16 - from);
  flip(std::filesystem::file_size(path) - 1, 0);
  SegmentReader again(path);
  EXPECT_EQ(again.next(), "first");
  EXPECT_EQ(again.next(), std::nullopt);
  EXPECT_EQ(again.damaged(), 0U);
  EXPECT_EQ(again.torn(), std::filesystem::file_size(path) - from);
}

// Its version and run are covered by a checksum, for another run's number would make a restart of it.
TEST(Segment, FindsDamageAnywhereInItsHead) {
  const testing::Folder folder;
  SegmentWriter writer(folder.in("records"), 1'000'000);
  ASSERT_EQ(writer.begin(7), "");
  const std::string path = segments_in(folder.in("records")).at(0);
  const std::uintmax_t head = std::filesystem::file_size(path);
  ASSERT_EQ(writer.append("first"), "");
  const auto change = [&](std::uintmax_t byte, int by) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(byte);
    file.seekg(at);
    const int was = file.get();
    file.seekp(at);
    file.put(static_cast<char>(was ^ by));
  };
  for (std::uintmax_t byte = 0; byte < head; ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      change(byte, 1 << bit);
      SegmentReader reader(path);
      EXPECT_TRUE(reader.head_damaged()) << byte << ", bit " << bit;
      EXPECT_THAT(reader.error(), HasSubstr(path));
      EXPECT_EQ(reader.next(), std::nullopt);
      change(byte, 1 << bit);
    }
  }
  SegmentReader whole(path);
  EXPECT_EQ(whole.error(), "");
  EXPECT_EQ(whole.run(), 7U);
  EXPECT_EQ(whole.next(), "first");
}

// Those had no checksum, and what stands there says nothing about them; or that of their own number.
TEST(Segment, SaysOfAnEarlierVersionThatAnotherWeirReadsIt) {
  const testing::Folder folder;
  ByteWriter words;
  for (const std::uint64_t word : {9ULL, 7ULL, 5ULL, 5ULL}) words.word(word);
  std::ofstream(folder.in("1.records"), std::ios::binary) << "weir decision records\n" << words.take() << "first";
  const SegmentReader reader(folder.in("1.records"));
  EXPECT_FALSE(reader.head_damaged());
  EXPECT_THAT(reader.error(), HasSubstr("of version 9"));
  ByteWriter numbers;
  for (const std::uint64_t word : {10ULL, 7ULL}) numbers.word(word);
  const std::string head = "weir decision records\n" + numbers.take();
  ByteWriter checksum;
  checksum.word(xxh3_64(head));
  std::ofstream(folder.in("2.records"), std::ios::binary) << head << checksum.take() << "first";
  const SegmentReader sealed(folder.in("2.records"));
  EXPECT_FALSE(sealed.head_damaged());
  EXPECT_THAT(sealed.error(), HasSubstr("of version 10, and this weir reads version"));
}

TEST(Segment, SaysOfAnotherFileThatItIsNone) {
  const testing::Folder folder;
  std::ofstream(folder.in("other")) << "something else, and long enough to have a head, if it were one";
  EXPECT_THAT(SegmentReader(folder.in("other")).error(), HasSubstr("no decision records"));
  EXPECT_THAT(SegmentReader(folder.in("missing")).error(), HasSubstr("No such file"));
}

TEST(Segment, TheOldestGoes) {
  const testing::Folder folder;
  const std::string records = folder.in("records");
  constexpr std::uint64_t kLimit = 10'000;
  SegmentWriter writer(records, kLimit);
  for (int i = 0; i < 100; ++i) {
    if (i % 5 == 0) {
      ASSERT_EQ(writer.begin(1), "");
    }
    ASSERT_EQ(writer.append(std::string(200, 'x') + std::to_string(i)), "");
    EXPECT_LE(size_of(records), kLimit);
  }
  EXPECT_GE(size_of(records), kLimit / 2);
  EXPECT_TRUE(blocks_of(segments_in(records).back()).back().ends_with("x99"));
  // Another run goes on behind what it finds, and within the same room.
  SegmentWriter next(records, kLimit);
  ASSERT_EQ(next.begin(2), "");
  EXPECT_LE(size_of(records), kLimit);
  EXPECT_EQ(SegmentReader(segments_in(records).back()).run(), 2U);
}

// No file of this process takes a byte while it lives.
class FullDisk {
 public:
  FullDisk() {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before_{};
};

// It is tried again every few seconds, however long the disk is full.
TEST(Segment, AFullDiskIsGivenNoEmptyFiles) {
  const testing::Folder folder;
  const std::string records = folder.in("records");
  SegmentWriter writer(records, 1'000'000);
  ASSERT_EQ(writer.begin(1), "");
  ASSERT_EQ(writer.append("first"), "");
  {
    const FullDisk full;
    EXPECT_THAT(writer.append("second"), HasSubstr("too large"));
    const std::string problem = writer.begin(1);
    EXPECT_THAT(problem, HasSubstr("too large"));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(writer.begin(1), problem) << "so that it is told once";
  }
  EXPECT_EQ(segments_in(records).size(), 1U);
  ASSERT_EQ(writer.begin(1), "");
  ASSERT_EQ(writer.append("third"), "");
  ASSERT_EQ(segments_in(records).size(), 2U);
  EXPECT_THAT(blocks_of(segments_in(records)[0]), ElementsAre("first"));
  EXPECT_THAT(blocks_of(segments_in(records)[1]), ElementsAre("third"));
}

void wait_for(const RecordWriter& writer) {
  while (!writer.health().idle) std::this_thread::yield();
}

TEST(RecordWriter, LosesWhatTheDiskDoesNotTakeUpToTheNextSegment) {
  const testing::Folder folder;
  const std::string records = folder.in("records");
  std::ofstream(records) << "a file where the folder should be";
  RecordWriter writer(records, 1'000'000, 1);
  EXPECT_TRUE(writer.push({.bytes = "a", .ticks = 10, .begins_segment = true}));
  EXPECT_TRUE(writer.push({.bytes = "b", .ticks = 5, .begins_segment = false}));
  wait_for(writer);
  EXPECT_EQ(writer.health().ticks_lost, 15U);
  EXPECT_EQ(writer.health().failures, 1U);
  EXPECT_THAT(writer.health().problem, HasSubstr("Not a directory"));
  std::filesystem::remove(records);
  EXPECT_TRUE(writer.push({.bytes = "c", .ticks = 1, .begins_segment = false}));
  wait_for(writer);
  EXPECT_EQ(writer.health().ticks_lost, 16U);
  EXPECT_TRUE(writer.push({.bytes = "d", .ticks = 1, .begins_segment = true}));
  wait_for(writer);
  EXPECT_EQ(writer.health().problem, "");
  EXPECT_THAT(blocks_of(segments_in(records).at(0)), ElementsAre("d"));
}

TEST(RecordWriter, TakesNoMoreThanFindsRoom) {
  const testing::Folder folder;
  RecordWriter writer(folder.in("records"), 1'000'000'000, 1);
  EXPECT_FALSE(
      writer.push({.bytes = std::string(RecordWriter::kMostWaiting + 1, 'x'), .ticks = 1, .begins_segment = true}));
}

}  // namespace
}  // namespace weir::analysis
