// Which failures a request is sent once more for.
#include "proxy/exchange/retry_policy.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::proxy {
namespace {

FailedAttempt failed(ErrorKind kind, Side side = Side::kUpstream, Retry retry = Retry::kNever) {
  return {.error = {kind, side, retry, "x"}};
}
FailedAttempt unsent(FailedAttempt attempt) {
  attempt.unsent = true;
  return attempt;
}
FailedAttempt answered(int status, bool retry_after = false) {
  FailedAttempt attempt = failed(ErrorKind::kStatus);
  attempt.status = status;
  attempt.retry_after = retry_after;
  return attempt;
}

const config::SendAgain kNothing{.on_connect_failure = false};
const config::SendAgain kAll{
    .on_connect_failure = true, .on_reset = true, .on_timeout = true, .on_status = {502, 503}, .non_idempotent = true};

TEST(RetryPolicy, KnowsWhatMayBeRepeated) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) EXPECT_TRUE(idempotent(method)) << method;
  for (const char* method : {"POST", "PATCH", "get", "GETS", ""}) EXPECT_FALSE(idempotent(method)) << method;
}

TEST(RetryPolicy, TakesAnAgedConnectionForNoAttempt) {
  const FailedAttempt aged = failed(ErrorKind::kReset, Side::kUpstream, Retry::kIfReusedConnection);
  EXPECT_TRUE(was_stale(aged, true));
  EXPECT_FALSE(was_stale(aged, false));
  EXPECT_TRUE(was_stale(unsent(aged), false));
  EXPECT_FALSE(was_stale(failed(ErrorKind::kReset), true));
  EXPECT_FALSE(was_stale(unsent(failed(ErrorKind::kConnect, Side::kUpstream, Retry::kIfUnsent)), true));
}

TEST(RetryPolicy, RetriesByDefaultWhatNoOriginHasSeen) {
  const config::SendAgain rules;
  for (const bool repeatable : {true, false}) {
    EXPECT_TRUE(may_retry(rules, failed(ErrorKind::kConnect), repeatable));
    EXPECT_TRUE(may_retry(rules, unsent(failed(ErrorKind::kReset)), repeatable));
    EXPECT_FALSE(may_retry(rules, failed(ErrorKind::kReset), repeatable));
    EXPECT_FALSE(may_retry(rules, failed(ErrorKind::kTimeout), repeatable));
    EXPECT_FALSE(may_retry(rules, answered(503), repeatable));
  }
}

TEST(RetryPolicy, RetriesNothingThatThePlanDoesNotName) {
  for (const ErrorKind kind : {ErrorKind::kConnect, ErrorKind::kReset, ErrorKind::kTimeout, ErrorKind::kProtocol}) {
    EXPECT_FALSE(may_retry(kNothing, failed(kind), true));
    EXPECT_FALSE(may_retry(kNothing, unsent(failed(kind)), true));
  }
  EXPECT_FALSE(may_retry(kNothing, answered(503), true));
}

TEST(RetryPolicy, RepeatsNoPostThatMayHaveBeenDone) {
  config::SendAgain rules = kAll;
  rules.non_idempotent = false;
  for (const ErrorKind kind :
       {ErrorKind::kReset, ErrorKind::kTruncated, ErrorKind::kProtocol, ErrorKind::kTooLarge, ErrorKind::kTimeout}) {
    EXPECT_TRUE(may_retry(rules, failed(kind), true));
    EXPECT_FALSE(may_retry(rules, failed(kind), false));
    EXPECT_TRUE(may_retry(kAll, failed(kind), false));
  }
  // Of the statuses that the plan lists, one is the origin's word that it has done nothing.
  EXPECT_TRUE(may_retry(rules, answered(503), false));
  rules.on_status = {500, 502, 503, 504};
  for (const int status : {500, 502, 504}) {
    EXPECT_TRUE(may_retry(rules, answered(status), true)) << status;
    EXPECT_FALSE(may_retry(rules, answered(status), false)) << status;
    EXPECT_FALSE(may_rescue(rules, answered(status), false)) << status;
  }
  EXPECT_TRUE(may_retry(kAll, answered(502), false));
  EXPECT_TRUE(may_retry(rules, unsent(failed(ErrorKind::kReset)), false));
}

TEST(RetryPolicy, AsksNoOriginBeforeTheTimeItNamed) {
  EXPECT_TRUE(may_retry(kAll, answered(503), true));
  EXPECT_FALSE(may_retry(kAll, answered(503, true), true));
  EXPECT_TRUE(may_rescue(kAll, answered(503, true), true));  // another server
  EXPECT_FALSE(may_retry(kAll, answered(504), true));
}

TEST(RetryPolicy, RescuesWhatTheCandidateHasNoRoomFor) {
  for (const ErrorKind kind : {ErrorKind::kOverflow, ErrorKind::kUnavailable}) {
    EXPECT_FALSE(may_retry(kAll, failed(kind, Side::kInternal), true));
    EXPECT_TRUE(may_rescue(kAll, failed(kind, Side::kInternal), false));
    EXPECT_FALSE(may_rescue(kNothing, failed(kind, Side::kInternal), true));
  }
}

TEST(RetryPolicy, TriesAgainWhatWasOnlyLackingHere) {
  const FailedAttempt lacking = unsent(failed(ErrorKind::kNoResources, Side::kInternal, Retry::kIfUnsent));
  for (const bool repeatable : {true, false}) {
    EXPECT_TRUE(may_retry(kAll, lacking, repeatable));
    EXPECT_TRUE(may_rescue(kAll, lacking, repeatable));
    EXPECT_FALSE(may_retry(kNothing, lacking, repeatable));
  }
}

TEST(RetryPolicy, SendsNothingAgainForAClientsFailure) {
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::kInternal); ++kind) {
    const std::set<ErrorKind> never_a_clients = {ErrorKind::kConnect, ErrorKind::kNoResources, ErrorKind::kStatus};
    if (never_a_clients.contains(static_cast<ErrorKind>(kind))) continue;
    EXPECT_FALSE(may_retry(kAll, failed(static_cast<ErrorKind>(kind), Side::kDownstream), true)) << kind;
  }
  EXPECT_FALSE(may_rescue(kAll, failed(ErrorKind::kCancelled, Side::kInternal), true));
}

TEST(RetryPolicy, KeepsABodyOnlyIfItCouldBeSentAgain) {
  config::Retries retries;
  EXPECT_TRUE(may_need_body(retries, true));
  EXPECT_FALSE(may_need_body(retries, false));
  retries.when.on_reset = true;
  EXPECT_FALSE(may_need_body(retries, false));
  retries.when.non_idempotent = true;
  EXPECT_TRUE(may_need_body(retries, false));
  retries.when = {.on_status = {502}};
  EXPECT_FALSE(may_need_body(retries, false));
  retries.when.non_idempotent = true;
  EXPECT_TRUE(may_need_body(retries, false));
  retries.when = {.on_status = {503}};
  EXPECT_TRUE(may_need_body(retries, false));
  retries.attempts = 0;
  EXPECT_FALSE(may_need_body(retries, false));
}

TEST(RetryPolicy, BoundsHowManyRunAtOnce) {
  const config::SendAgain rules;  // 20 %, at least 3
  EXPECT_TRUE(has_room(rules, 2, 1));
  EXPECT_FALSE(has_room(rules, 3, 10));
  EXPECT_FALSE(has_room(rules, 3, 19));
  EXPECT_TRUE(has_room(rules, 3, 20));
  EXPECT_FALSE(has_room(rules, 4, 20));
  EXPECT_TRUE(has_room(rules, 19, 100));
  EXPECT_FALSE(has_room(rules, 20, 100));
  const config::SendAgain none{.budget = 0, .min_concurrent = 0};
  EXPECT_FALSE(has_room(none, 0, 1000));
  const config::SendAgain all{.budget = 1, .min_concurrent = 0};
  EXPECT_TRUE(has_room(all, 0, 1));
  EXPECT_FALSE(has_room(all, 1, 1));
}

TEST(RetryPolicy, ComesBackAtDifferentTimes) {
  Random random(1);
  for (const auto& [retry, most] : {std::pair{1, 25}, {2, 50}, {3, 100}, {4, 200}, {5, 250}, {10, 250}}) {
    std::set<long> seen;
    for (int i = 0; i < 2000; ++i) {
      const auto wait = back_off_time(retry, random);
      ASSERT_LE(wait.count(), most);
      ASSERT_GE(wait.count(), 0);
      seen.insert(static_cast<long>(wait.count()));
    }
    EXPECT_GT(seen.size(), static_cast<std::size_t>(most) * 9 / 10) << retry;
  }
}

}  // namespace
}  // namespace weir::proxy
