#include "config/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NeedsRestart, NamesWhatTheProcessWasBuiltWith) {
  Config next;
  next.workers = 3;
  next.state.path = "/elsewhere.db";
  next.state.records = 0;
  next.feedback.memory = 1;
  next.feedback.address = "127.0.0.1:9903";
  next.admin.address = "127.0.0.1:9902";
  EXPECT_THAT(needs_restart({}, next), ElementsAre("workers", "state.path", "state.records", "feedback.memory",
                                                   "feedback.address", "admin.address"));
}

TEST(NeedsRestart, OtherWordsForTheSameFileAreNoChange) {
  Config running;
  running.state.path = "weir.db";
  for (const std::string& same : {std::string("./weir.db"), std::string("x/../weir.db"),
                                  (std::filesystem::current_path() / "weir.db").string()}) {
    Config next;
    next.state.path = same;
    EXPECT_THAT(needs_restart(running, next), IsEmpty()) << same;
  }
}

TEST(NeedsRestart, EverythingElseCanBeReloaded) {
  Config next;
  next.preset = Preset::kSidecar;
  next.version_header = false;
  next.via = false;
  next.listeners.emplace_back().address = "127.0.0.1:8081";
  next.feedback.sample_ppm = 1;
  next.feedback.token = Secret{.env = "TOKEN", .file = {}, .value = "new"};
  next.admin.token = Secret{.env = "TOKEN", .file = {}, .value = "new"};
  next.timeouts.header = Duration(1);
  next.limits.body = 1;
  next.services["chat"].versions["v1"] = {};
  next.routes.emplace_back();
  next.rollouts["chat"] = {};
  EXPECT_THAT(needs_restart({}, next), IsEmpty());
}

}  // namespace
}  // namespace weir::config
