#include "app/admin/api.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace weir::app {
namespace {

ApiCommand command(std::string_view target, std::string_view body = "") {
  const auto routed = route_api({.method = "POST", .target = target, .body = body});
  const auto* found = std::get_if<ApiCommand>(&routed);
  EXPECT_NE(found, nullptr) << target;
  return found != nullptr ? *found : ApiCommand{};
}

int refused(std::string_view method, std::string_view target, std::string_view body = "") {
  const auto routed = route_api({.method = method, .target = target, .body = body});
  const auto* reply = std::get_if<ApiReply>(&routed);
  if (reply == nullptr) return 0;
  EXPECT_FALSE(json::parse(reply->body).value["error"]["code"].string().empty());
  return reply->status;
}

TEST(Api, CommandsNameTheirService) {
  EXPECT_EQ(command("/api/v1/services/chat/pause").service, "chat");
  EXPECT_EQ(command("/api/v1/services/a%2Fb%20c/abort").service, "a/b c");
  EXPECT_EQ(command("/api/v1/services/chat/promote").verb, ApiVerb::kPromote);
  EXPECT_EQ(command("/api/v1/services/chat/promote?full=true").verb, ApiVerb::kPromoteFull);
  EXPECT_EQ(command("/api/v1/services/chat/promote?full=false").verb, ApiVerb::kPromote);
  EXPECT_EQ(command("/api/v1/reload").verb, ApiVerb::kReload);
  EXPECT_EQ(command("/api/v1/drain").verb, ApiVerb::kDrain);
}

TEST(Api, WeightIsReadInPartsPerMillion) {
  EXPECT_EQ(command("/api/v1/services/chat/weight", R"({"percent": 25})").weight_ppm, 250'000U);
  EXPECT_EQ(command("/api/v1/services/chat/weight", R"({"percent": 0.0001})").weight_ppm, 1U);
  EXPECT_EQ(command("/api/v1/services/chat/weight", R"({"percent": 100})").weight_ppm, 1'000'000U);
  EXPECT_EQ(command("/api/v1/services/chat/weight", R"({"percent": 33.3333})").weight_ppm, 333'333U);
  for (const char* body : {"", "{}", "25", R"({"percent": "25"})", R"({"percent": 100.1})", R"({"percent": -1})", "{",
                           R"({"percent": 99.99999})", R"({"percent": 1e-8})"}) {
    EXPECT_EQ(refused("POST", "/api/v1/services/chat/weight", body), 400) << body;
  }
}

TEST(Api, ALogLevelIsOneOfFiveWords) {
  EXPECT_EQ(command("/api/v1/log-level", R"({"level": "debug"})").verb, ApiVerb::kLogLevel);
  EXPECT_EQ(command("/api/v1/log-level", R"({"level": "debug"})").log_level, log::Level::kDebug);
  EXPECT_EQ(command("/api/v1/log-level", R"({"level": "off"})").log_level, log::Level::kOff);
  for (const char* body : {"", "{}", "debug", R"({"level": "DEBUG"})", R"({"level": 1})", R"({"level": ""})"}) {
    EXPECT_EQ(refused("POST", "/api/v1/log-level", body), 400) << body;
  }
}

TEST(Api, TakesScores) {
  const ApiCommand posted = command("/v1/feedback", R"({"request_id":"r","name":"n","value":1})");
  EXPECT_EQ(posted.verb, ApiVerb::kFeedback);
  ASSERT_NE(posted.scores, nullptr);
  EXPECT_EQ(posted.scores->scores.size(), 1U);
  EXPECT_EQ(refused("POST", "/v1/feedback", "nothing"), 400);
  EXPECT_EQ(refused("GET", "/v1/feedback"), 405);
}

TEST(Api, PagesWithoutArguments) {
  for (const auto& [target, kind] :
       {std::pair{"/api/v1/status", ApiQuery::Kind::kStatus}, std::pair{"/api/v1/config", ApiQuery::Kind::kConfig},
        std::pair{"/api/v1/traffic", ApiQuery::Kind::kTraffic}, std::pair{"/metrics", ApiQuery::Kind::kMetrics}}) {
    const auto routed = route_api({.method = "GET", .target = target, .body = ""});
    const auto* query = std::get_if<ApiQuery>(&routed);
    ASSERT_NE(query, nullptr) << target;
    EXPECT_EQ(query->kind, kind);
    EXPECT_EQ(refused("DELETE", target), 405);
  }
}

TEST(Api, HistoryTakesAServiceAndALimit) {
  const auto routed = route_api({.method = "GET", .target = "/api/v1/history?limit=5&service=chat%20x", .body = ""});
  const auto* query = std::get_if<ApiQuery>(&routed);
  ASSERT_NE(query, nullptr);
  EXPECT_EQ(query->service, "chat x");
  EXPECT_EQ(query->limit, 5U);
  for (const char* query_text : {"limit=0", "limit=1001", "limit=x", "limit=5x", "service=%2"}) {
    EXPECT_EQ(refused("GET", std::string("/api/v1/history?") + query_text), 400) << query_text;
  }
}

TEST(Api, RefusesOtherPathsAndMethods) {
  EXPECT_EQ(refused("GET", "/"), 404);
  EXPECT_EQ(refused("GET", "/api/v1/statu"), 404);
  EXPECT_EQ(refused("POST", "/api/v1/services/chat"), 404);
  EXPECT_EQ(refused("POST", "/api/v1/services//pause"), 404);
  EXPECT_EQ(refused("POST", "/api/v1/services/chat/explode"), 404);
  EXPECT_EQ(refused("POST", "/api/v1/services/%zz/pause"), 404);
  EXPECT_EQ(refused("GET", "/api/v1/services/chat/pause"), 405);
  EXPECT_EQ(refused("POST", "/api/v1/status"), 405);
  EXPECT_EQ(refused("GET", "/api/v1/log-level"), 405);
  EXPECT_EQ(refused("POST", "/api/v1/log-levels"), 404);
  EXPECT_EQ(refused("DELETE", "/metrics"), 405);
}

TEST(Api, ErrorsListTheirProblems) {
  const ApiReply reply =
      error_reply({.status = 422, .code = "invalid", .message = "no", .problems = {"a:1:1: x", "a:2:1: y"}});
  const json::Value body = json::parse(reply.body).value;
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(body["error"]["problems"].array().size(), 2U);
  EXPECT_EQ(body["error"]["message"].string(), "no");
}

}  // namespace
}  // namespace weir::app
