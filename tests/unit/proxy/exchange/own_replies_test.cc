#include "proxy/exchange/own_replies.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::proxy {
namespace {

Error error(ErrorKind kind, Side side) { return {kind, side, Retry::kNever, "x"}; }

TEST(OwnReplies, BlameWhoeverFailed) {
  EXPECT_EQ(failure_reply(error(ErrorKind::kConnect, Side::kUpstream), false).status, 503);
  EXPECT_EQ(failure_reply(error(ErrorKind::kTimeout, Side::kUpstream), false).status, 504);
  EXPECT_EQ(failure_reply(error(ErrorKind::kTimeout, Side::kDownstream), false).status, 408);
  EXPECT_EQ(failure_reply(error(ErrorKind::kTooLarge, Side::kDownstream), false).status, 413);
  EXPECT_EQ(failure_reply(error(ErrorKind::kProtocol, Side::kDownstream), false).status, 400);
}

TEST(OwnReplies, SayThatBothVersionsWereAsked) {
  EXPECT_EQ(failure_reply(error(ErrorKind::kTimeout, Side::kUpstream), true).code, "rescue_failed");
  EXPECT_EQ(failure_reply(error(ErrorKind::kTimeout, Side::kDownstream), true).status, 408) << "the client's own fault";
}

TEST(OwnReplies, LetNobodyGoOnAfterABodyThatFailed) {
  EXPECT_TRUE(failure_reply(error(ErrorKind::kTimeout, Side::kDownstream), false).close);
}

TEST(SetCookie, HasRoomForTheLongestName) {
  SetCookie cookie;
  const std::string name(64, 'n');
  DrawnId id;
  id.fill('a');
  const std::string expected =
      name + "=" + std::string(id.size(), 'a') + "; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax";
  EXPECT_EQ(cookie.write(name, id, false), expected);
  EXPECT_EQ(cookie.write(name, id, true), expected + "; Secure");
}

}  // namespace
}  // namespace weir::proxy
