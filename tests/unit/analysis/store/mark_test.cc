// The mark beside the state file: what was written is read, and what is damaged is told.
#include "analysis/store/mark.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <initializer_list>
#include <fstream>
#include <string>

#include "tests/unit/analysis/store/state_file.h"

namespace weir::analysis {
namespace {

using testing::key_of;
using testing::StateFile;
using Found = Mark::Found;

constexpr std::size_t kSlot = 4'096;

Mark::Contents numbered(std::uint64_t generation) {
  Mark::Contents contents{.database = 77, .generation = generation};
  contents.closed = {Mark::closed_key(key_of("chat")), generation};
  return contents;
}

std::string path_in(const StateFile& file) { return file.path() + ".mark"; }

void flip(const std::string& path, std::size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ 1));
}

TEST(Mark, ReadsWhatItWrote) {
  const StateFile file;
  Mark mark(path_in(file));
  EXPECT_EQ(mark.read(), Found::kNothing);
  EXPECT_FALSE(mark.written());
  for (std::uint64_t generation = 1; generation <= 5; ++generation) {
    Mark::Contents contents = numbered(generation);
    contents.lost = generation % 2 == 1;
    contents.all_closed = generation % 3 == 1;
    ASSERT_EQ(mark.write(contents), "");
    EXPECT_EQ(mark.contents(), contents);
    Mark again(path_in(file));
    ASSERT_EQ(again.read(), Found::kMark);
    EXPECT_EQ(again.contents(), contents);
  }
}

TEST(Mark, KeepsItsSizeWhateverItHolds) {
  const StateFile file;
  Mark mark(path_in(file));
  ASSERT_EQ(mark.write({}), "");
  const auto size = std::filesystem::file_size(path_in(file));
  Mark::Contents full;
  full.closed.assign(Mark::kMostClosed, 1);
  ASSERT_EQ(mark.write(full), "");
  EXPECT_EQ(std::filesystem::file_size(path_in(file)), size);
  Mark again(path_in(file));
  ASSERT_EQ(again.read(), Found::kMark);
  EXPECT_EQ(again.contents(), full);
}

TEST(Mark, AWriteThatWasCutShortLeavesTheOneBefore) {
  const StateFile file;
  Mark mark(path_in(file));
  for (std::uint64_t generation = 1; generation <= 4; ++generation) {
    ASSERT_EQ(mark.write(numbered(generation)), "");
    if (generation == 1) continue;
    flip(path_in(file), generation % 2 * kSlot + 60);
    Mark torn(path_in(file));
    ASSERT_EQ(torn.read(), Found::kMark);
    EXPECT_EQ(torn.contents(), numbered(generation - 1));
    flip(path_in(file), generation % 2 * kSlot + 60);
  }
}

TEST(Mark, DamageIsToldAndNotTakenForNothing) {
  const StateFile file;
  for (const std::size_t at : std::initializer_list<std::size_t>{0, 9, 17, 25, 33, 41, 49, 57, 65, 73}) {
    SCOPED_TRACE(at);
    std::filesystem::remove(path_in(file));
    Mark mark(path_in(file));
    ASSERT_EQ(mark.write(numbered(1)), "");
    flip(path_in(file), kSlot + at);
    EXPECT_EQ(Mark(path_in(file)).read(), Found::kDamage);
  }
  std::filesystem::resize_file(path_in(file), 0);
  EXPECT_EQ(Mark(path_in(file)).read(), Found::kDamage);
}

TEST(Mark, IsMadeAnewWhenSomebodyRemovedIt) {
  const StateFile file;
  Mark mark(path_in(file));
  ASSERT_EQ(mark.write(numbered(1)), "");
  std::filesystem::remove(path_in(file));
  ASSERT_EQ(mark.write(numbered(2)), "");
  Mark again(path_in(file));
  ASSERT_EQ(again.read(), Found::kMark);
  EXPECT_EQ(again.contents(), numbered(2));
}

TEST(Mark, SaysWhyItCannotBeWritten) {
  const StateFile file;
  Mark mark((file.folder() / "none" / "mark").string());
  EXPECT_NE(mark.write(numbered(1)), "");
  EXPECT_FALSE(mark.written());
}

}  // namespace
}  // namespace weir::analysis
