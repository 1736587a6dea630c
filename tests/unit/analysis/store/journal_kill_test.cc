// A weir that is killed in the middle of its writing: whatever it knew to be durable is there.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "analysis/store/journal.h"
#include "tests/unit/analysis/store/state_file.h"

namespace weir::analysis {
namespace {

using testing::decision;
using testing::open;
using testing::StateFile;

constexpr int kRounds = 25;
constexpr std::uint64_t kAhead = 3;  // appended before the oldest of them is waited for

// The child: appends numbers from `first` on for ever, and tells each that is durable.
[[noreturn]] void append_for_ever(const std::string& path, std::uint64_t first, int told) {
  const Journal::Opened opened = open(path, 1);
  if (!opened.journal) _exit(1);
  std::uint64_t next = first;
  for (std::uint64_t durable = 0;; ++durable) {
    while (next - first < durable + kAhead) {
      const std::string number = std::to_string(next++);
      opened.journal->append(decision("chat", number, number));
    }
    while (opened.journal->durable_through() <= durable) std::this_thread::yield();
    const std::uint64_t number = first + durable;
    if (write(told, &number, sizeof(number)) != sizeof(number)) _exit(1);
  }
}

// The last number that the child told, once it is dead; 0 when it told none. It is killed after `most` numbers.
std::uint64_t last_told(int told, pid_t child, int most) {
  std::uint64_t last = 0;
  std::uint64_t number = 0;
  if (most == 0) kill(child, SIGKILL);
  for (int count = 0; read(told, &number, sizeof(number)) == sizeof(number);) {
    last = number;
    if (++count == most) kill(child, SIGKILL);
  }
  return last;
}

TEST(JournalKill, WhatWasToldToBeDurableIsThere) {
  const char* given = std::getenv("WEIR_TEST_SEED");
  const unsigned seed = given == nullptr ? 20'261'123U : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
  std::cout << "seed " << seed << " (WEIR_TEST_SEED)\n" << std::flush;
  std::mt19937 random(seed);
  const StateFile file;
  std::uint64_t first = 1;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::array<int, 2> pipe_ends{};
    ASSERT_EQ(pipe(pipe_ends.data()), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(pipe_ends[0]);
      append_for_ever(file.path(), first, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    const std::uint64_t told = last_told(pipe_ends[0], child, static_cast<int>(random() % 40));
    close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const Journal::Opened opened = open(file.path());
    ASSERT_NE(opened.journal, nullptr);
    ASSERT_EQ(opened.lost, "");
    const std::vector<std::string>& records = opened.contents.records;
    ASSERT_GE(records.size(), told);
    for (std::size_t i = 0; i < records.size(); ++i) ASSERT_EQ(records[i], std::to_string(i + 1));
    if (!records.empty()) {
      ASSERT_EQ(opened.contents.rollouts.size(), 1U);
      EXPECT_EQ(opened.contents.rollouts[0].state, records.back()) << "the state is that of the last decision";
    }
    first = records.size() + 1;
  }
  EXPECT_GT(first, static_cast<std::uint64_t>(kRounds)) << "the children have written";
}

}  // namespace
}  // namespace weir::analysis
