// Confined to one thread. A state file in a folder of its own, for tests of what keeps it.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "analysis/store/journal.h"

namespace weir::analysis::testing {

inline constexpr std::size_t kAllRecords = 100'000;

class StateFile {
 public:
  StateFile() {
    std::string folder = (std::filesystem::temp_directory_path() / "weir-journal-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    folder_ = folder;
  }
  ~StateFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  std::string path() const { return (folder_ / "state.db").string(); }

  std::string bytes() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void overwrite(const std::string& bytes) const { std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes; }
  // Behind the journal's back.
  void execute(const std::string& sql) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  // What was set aside: the files themselves, without their companions.
  std::vector<std::string> damaged() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      const bool companion = name.ends_with("-wal") || name.ends_with("-shm");
      if (name.starts_with("state.db.damaged-") && !companion) found.push_back(entry.path().string());
    }
    return found;
  }

 private:
  std::filesystem::path folder_;
};

inline Journal::Opened open(const std::string& path, std::size_t most_records = kAllRecords) {
  return Journal::open(path, "pid 7", most_records);
}

// Polls until it is so; false after a minute.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline bool becomes_durable(const Journal& journal, Ticket ticket) {
  return eventually([&] { return journal.durable_through() >= ticket; });
}

inline RolloutKey key_of(const std::string& service) { return {service, "v1", "v2", "r"}; }

inline StateWrite decision(const std::string& service, const std::string& state, const std::string& record) {
  return {.key = key_of(service), .state = state, .evidence = "evidence of " + state, .record = record};
}

inline StateWrite save_of(const std::string& service, const std::string& state) {
  return {.key = key_of(service), .state = state, .evidence = "evidence of " + state, .record = {}};
}

}  // namespace weir::analysis::testing
