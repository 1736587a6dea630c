#include "proxy/inspect/body_observer.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::proxy {
namespace {

// Holds the head back until it has seen the first byte: what a check for an empty output needs.
class FirstByteObserver : public BodyObserver {
 public:
  Head on_response_head(const http::ResponseHead& head) override {
    return head.status == 200 ? Head::kHold : Head::kRelease;
  }
  Head on_data(std::string_view data) override {
    seen_ += data;
    return seen_.empty() ? Head::kHold : Head::kRelease;
  }
  void on_end(bool complete) override { complete_ = complete; }

  const std::string& seen() const { return seen_; }
  bool complete() const { return complete_; }

 private:
  std::string seen_;
  bool complete_ = false;
};

TEST(BodyObserver, CanHoldTheHeadUntilItHasSeenEnough) {
  FirstByteObserver observer;
  BodyObserver& seam = observer;
  http::ResponseHead head;
  head.status = 200;
  EXPECT_EQ(seam.on_response_head(head), BodyObserver::Head::kHold);
  EXPECT_EQ(seam.on_data(""), BodyObserver::Head::kHold);
  EXPECT_EQ(seam.on_data("{"), BodyObserver::Head::kRelease);
  seam.on_end(true);
  EXPECT_EQ(observer.seen(), "{");
  EXPECT_TRUE(observer.complete());
}

}  // namespace
}  // namespace weir::proxy
