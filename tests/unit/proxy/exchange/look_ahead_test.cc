// A body that is looked into before anybody gets it: how far, and what makes an end of it.
#include "proxy/exchange/look_ahead.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <optional>
#include <string>

#include "tests/unit/proxy/forward/scripted_streams.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

constexpr config::Duration kSoon{20};

Awaitable<> look(LookAhead& ahead, Waker& waker, bool& over) {
  for (bool more = ahead.start(); more; more = ahead.resume()) {
    if (!waker.take()) co_await waker.wait();
  }
  over = true;
}

class LookAheadTest : public testing::Test {
 protected:
  LookAheadTest() {
    client_.head.framing = http::BodyFraming::kChunked;
    client_.head.fields.add("content-type", "application/json");
    timeouts_.body_idle = timeouts_.total = config::kNever;
    reader_.begin(config::BodyText::kModel);
  }
  void says(std::string_view data, bool end = false) { client_.script.says.push_back(http::body_slice(data, end)); }
  void start(std::uint64_t limit = 100) {
    clock_.start(std::chrono::steady_clock::now());
    ahead_.emplace(LookAheadSpec{client_, body_, deadline_, clock_, timeouts_, limit}, reader_, needs_);
    asio::co_spawn(loop_.io, look(*ahead_, client_.waker(), over_), asio::detached);
    loop_.settle();
  }
  void wake() {
    client_.waker().wake();
    loop_.settle();
  }
  bool finish() {
    return loop_.run_until([&] { return over_; });
  }

  Loop loop_;
  BufferPool buffers_;
  ScriptedDownstream client_;
  RequestBody body_{client_, buffers_};
  Deadline deadline_{loop_.deadlines, [](void* self) { static_cast<Waker*>(self)->wake(); }, &client_.waker()};
  JudgedClock clock_;
  config::Timeouts timeouts_;
  config::BodyNeeds needs_{.all = config::BodyText::kModel};
  RequestReader reader_;
  std::optional<LookAhead> ahead_;
  bool over_ = false;
};

TEST_F(LookAheadTest, ReadsNoFurtherThanItHasTo) {
  says(R"({"model":)");
  says(R"("m",)");
  says(R"("messages":[]})", true);
  start();
  ASSERT_TRUE(over_);
  EXPECT_FALSE(ahead_->error());
  EXPECT_FALSE(ahead_->gave_up());
  EXPECT_EQ(reader_.text(config::BodyText::kModel), "m");
  EXPECT_EQ(client_.script.reads, 2);
}

TEST_F(LookAheadTest, WaitsForTheClientOnItsOwnTime) {
  start();
  EXPECT_FALSE(over_);
  EXPECT_TRUE(clock_.standing());
  says(R"({"x":1)");
  wake();
  EXPECT_FALSE(over_);
  says("}", true);
  wake();
  ASSERT_TRUE(over_);
  EXPECT_FALSE(clock_.standing());
  EXPECT_FALSE(ahead_->error());
  EXPECT_FALSE(reader_.text(config::BodyText::kModel));
}

TEST_F(LookAheadTest, GivesUpAtTheLimit) {
  says(R"({"messages":")");
  says("aaaaaaaaaaaaaaaaaaaaaaaa");
  says(R"(","model":"m"})", true);
  start(30);
  ASSERT_TRUE(over_);
  EXPECT_FALSE(ahead_->error());
  EXPECT_TRUE(ahead_->gave_up());
  EXPECT_FALSE(reader_.text(config::BodyText::kModel));
  EXPECT_EQ(client_.script.reads, 2);
}

TEST_F(LookAheadTest, ABodyThatEndsAtTheLimitIsAllThereIs) {
  says(R"({"x":1)", true);
  start(6);
  ASSERT_TRUE(over_);
  EXPECT_FALSE(ahead_->gave_up());
}

TEST_F(LookAheadTest, DoesNotReadWhatIsNoJson) {
  client_.head.framing = http::BodyFraming::kNone;
  client_.head.expect_continue = true;
  start();
  EXPECT_TRUE(over_);
  EXPECT_EQ(client_.script.reads, 0);
  EXPECT_EQ(client_.script.told, "");
}

TEST_F(LookAheadTest, TellsAClientThatWaitsToGoOn) {
  client_.head.expect_continue = true;
  start();
  EXPECT_EQ(client_.script.told, "<100>");
}

TEST_F(LookAheadTest, EndsWithAClientThatDoesNotSend) {
  timeouts_.body_idle = kSoon;
  start();
  ASSERT_TRUE(finish());
  ASSERT_TRUE(ahead_->error());
  EXPECT_EQ(ahead_->error()->kind, ErrorKind::kTimeout);
  EXPECT_EQ(ahead_->error()->side, Side::kDownstream);
}

TEST_F(LookAheadTest, EndsWithTheTimeOfTheRequest) {
  timeouts_.total = kSoon;
  start();
  ASSERT_TRUE(finish());
  ASSERT_TRUE(ahead_->error());
  EXPECT_EQ(ahead_->error()->kind, ErrorKind::kTimeout);
}

TEST_F(LookAheadTest, EndsWithAClientThatBreaksOff) {
  start();
  client_.script.says.push_back(
      http::failed_body({ErrorKind::kTruncated, Side::kDownstream, Retry::kNever, "client_closed"}));
  wake();
  ASSERT_TRUE(over_);
  ASSERT_TRUE(ahead_->error());
  EXPECT_EQ(ahead_->error()->kind, ErrorKind::kTruncated);
}

TEST_F(LookAheadTest, EndsForWantOfMemory) {
  buffers_.set_budget(0);
  const ReadBuffer another = buffers_.take(1);
  start();
  ASSERT_TRUE(over_);
  ASSERT_TRUE(ahead_->error());
  EXPECT_EQ(ahead_->error()->kind, ErrorKind::kNoResources);
}

}  // namespace
}  // namespace weir::proxy
