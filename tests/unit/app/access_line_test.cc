#include "app/access_line.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace weir::app {
namespace {

TEST(AccessLine, SaysWhatBecameOfARequest) {
  Names names;
  Outcome outcome;
  outcome.outcome = OutcomeClass::kHttp5xx;
  outcome.reason = AssignmentReason::kHash;
  outcome.service = names.services.intern("chat");
  outcome.route = names.routes.intern("route-1");
  outcome.version = names.version("chat", "v2");
  outcome.latency_us = 8'250;
  outcome.status_hundreds = 5;
  outcome.step = 4;
  const json::ParseResult line = json::parse(access_line(outcome, names, 1'700'000'000'000));
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line.value["time"].string(), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(line.value["version"].string(), "v2");
  EXPECT_EQ(line.value["class"].string(), "http_5xx");
  EXPECT_EQ(line.value["status"].string(), "5xx");
  EXPECT_EQ(line.value["assigned"].string(), "hash");
  EXPECT_EQ(line.value["latency_ms"].number(), 8.25);
  EXPECT_EQ(line.value["step"].integer(), 4);
}

TEST(AccessLine, ARequestWithoutAHeadHasNoStatus) {
  const Names names;
  const json::ParseResult line = json::parse(access_line({}, names, 0));
  EXPECT_TRUE(line.value["status"].is_null());
  EXPECT_EQ(line.value["version"].string(), "");
}

}  // namespace
}  // namespace weir::app
