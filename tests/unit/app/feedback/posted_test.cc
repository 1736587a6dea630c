#include "app/feedback/posted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = ScoreTarget::Kind;

Post read(const std::string& body) {
  std::variant<Post, std::string> post = read_post(body);
  if (const auto* wrong = std::get_if<std::string>(&post)) ADD_FAILURE() << *wrong;
  return std::holds_alternative<Post>(post) ? std::get<Post>(post) : Post();
}

PostedScore only(const std::string& body) {
  Post post = read(body);
  EXPECT_THAT(post.refused, IsEmpty()) << (post.refused.empty() ? "" : post.refused.front().reason);
  EXPECT_THAT(post.scores, SizeIs(1));
  return post.scores.empty() ? PostedScore() : post.scores.front();
}

std::string refusal(const std::string& body) {
  const Post post = read(body);
  return post.refused.size() == 1 && post.scores.empty() ? post.refused.front().reason : "not refused alone";
}

TEST(Posted, ReadsAnObjectInItsOwnShape) {
  const PostedScore score = only(R"({"request_id": "r1", "trace_id": "t1", "name": "relevance", "value": 0.82,
      "source": {"type": "llm_judge", "id": "judge-v3"}, "weight": 0.5, "comment": "so so"})");
  EXPECT_THAT(score.targets, ElementsAre(ScoreTarget{Kind::kRequest, "r1"}, ScoreTarget{Kind::kTrace, "t1"}));
  EXPECT_EQ(score.name, "relevance");
  EXPECT_EQ(score.value, 0.82);
  EXPECT_EQ(score.source, "judge-v3");
  EXPECT_EQ(score.weight, 0.5);
}

TEST(Posted, TakesArraysAndLines) {
  const std::string one = R"({"request_id":"a","name":"n","value":1})";
  EXPECT_THAT(read("[" + one + "," + one + "]").scores, SizeIs(2));
  EXPECT_THAT(read(one + "\n" + one + "\r\n\n" + one + "\n").scores, SizeIs(3));
}

TEST(Posted, RefusesOneScoreAndTakesTheOthers) {
  const Post post = read(R"([{"request_id":"a","name":"n","value":1}, 7, {"name":"n","value":1}])");
  EXPECT_THAT(post.scores, SizeIs(1));
  ASSERT_THAT(post.refused, SizeIs(2));
  EXPECT_EQ(post.refused[0].index, 1U);
  EXPECT_EQ(post.refused[1].index, 2U);
  EXPECT_THAT(post.refused[1].reason, HasSubstr("request_id"));
}

TEST(Posted, RefusesALineAndTakesTheOthers) {
  const std::string good = R"({"request_id": "a", "name": "n", "value": 1})";
  for (const std::string end : {"\n", "\r\n"}) {
    const Post post = read(R"({"request_id": "a)" + end + good + end + end + "}" + end + good);
    EXPECT_EQ(post.scores.size(), 2U);
    ASSERT_EQ(post.refused.size(), 2U);
    EXPECT_EQ(post.refused[0].index, 0U);
    EXPECT_EQ(post.refused[1].index, 2U);
    EXPECT_THAT(post.refused[1].reason, HasSubstr("the line is no JSON"));
  }
  // An array on several lines is one document, whatever its lines are.
  EXPECT_TRUE(std::holds_alternative<std::string>(read_post("[\n" + good + ",\n" + good + "\n")));
}

TEST(Posted, ReadsWhatAValueMeans) {
  const auto value = [](const std::string& text) {
    return only(R"({"request_id":"a","name":"n","value":)" + text + "}").value;
  };
  EXPECT_EQ(value("true"), 1);
  EXPECT_EQ(value("false"), 0);
  EXPECT_EQ(value("-3"), -3);
  EXPECT_EQ(value(R"("Correct")"), 1);
  EXPECT_EQ(value(R"("thumbs_down")"), 0);
}

TEST(Posted, SaysWhatIsWrong) {
  const auto with = [](const std::string& fields) { return refusal(R"({"request_id":"a","name":"n",)" + fields + "}"); };
  EXPECT_THAT(with(R"("value":"purple")"), HasSubstr("value must be"));
  EXPECT_THAT(with(R"("value":null)"), HasSubstr("value must be"));
  EXPECT_THAT(with(R"("value":[1])"), HasSubstr("value must be"));
  EXPECT_THAT(with(R"("value":1,"weight":2)"), HasSubstr("weight"));
  EXPECT_THAT(with(R"("value":1,"source":")" + std::string(65, 's') + '"'), HasSubstr("source"));
  EXPECT_THAT(refusal(R"({"request_id":"a","value":1})"), HasSubstr("name"));
  EXPECT_THAT(refusal(R"({"request_id":"a","name":"\u001b[2J","value":1})"), HasSubstr("control characters"));
  EXPECT_THAT(refusal(R"({"request_id":")" + std::string(257, 'r') + R"(","name":"n","value":1})"),
              HasSubstr("request_id is longer"));
  for (const std::string body : {"", "{", "[]", "3", "{\n\"a\":1,\n}"}) {
    EXPECT_TRUE(std::holds_alternative<std::string>(read_post(body))) << body;
  }
}

TEST(Posted, TakesNoMoreThanItsBounds) {
  std::string many = "[";
  for (std::size_t i = 0; i <= Post::kMaxScores; ++i) many += std::string(i == 0 ? "" : ",") + "{}";
  EXPECT_TRUE(std::holds_alternative<std::string>(read_post(many + "]")));
  EXPECT_TRUE(std::holds_alternative<std::string>(read_post(std::string((1 << 20) + 1, ' '))));
}

// Bodies as the tools' own clients send them.

TEST(Posted, ReadsLangfuse) {
  const PostedScore score = only(R"({"id": "b7b0c6a2-51c3-4f2b-8f5e-8ad3f0c7f6a1",
      "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "sessionId": null, "observationId": "00f067aa0ba902b7",
      "datasetRunId": null, "name": "correctness", "value": 0.9, "dataType": "NUMERIC", "comment": "Factually right",
      "metadata": {"judge": "gpt"}, "environment": "production", "configId": "78545-6565-3453654-43543"})");
  EXPECT_THAT(score.targets, ElementsAre(ScoreTarget{Kind::kTrace, "4bf92f3577b34da6a3ce929d0e0e4736"}));
  EXPECT_EQ(score.name, "correctness");
  EXPECT_EQ(score.value, 0.9);
  EXPECT_EQ(only(R"({"traceId": "t", "name": "n", "value": 1, "dataType": "BOOLEAN"})").value, 1);
  EXPECT_EQ(only(R"({"sessionId": "s", "name": "n", "value": "yes", "dataType": "CATEGORICAL"})").targets.front(),
            (ScoreTarget{Kind::kSession, "s"}));
}

TEST(Posted, ReadsLangSmith) {
  const PostedScore score = only(R"({"id": "d5a3a7f8-9a53-4d1b-8a3a-0d9be5c3a7c4",
      "run_id": "4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "trace_id": "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
      "key": "helpful", "score": true, "value": null, "comment": "good", "correction": null,
      "feedback_source": {"type": "model", "metadata": {"__run": {"run_id": "x"}}},
      "session_id": "11111111-2222-3333-4444-555555555555",
      "created_at": "2026-11-28T09:00:00+00:00", "modified_at": "2026-11-28T09:00:00+00:00"})");
  EXPECT_THAT(score.targets, ElementsAre(ScoreTarget{Kind::kRequest, "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"},
                                         ScoreTarget{Kind::kTrace, "4bf92f3577b34da6a3ce929d0e0e4736"}));
  EXPECT_EQ(score.name, "helpful");
  EXPECT_EQ(score.value, 1);
  EXPECT_EQ(score.source, "model");
  EXPECT_EQ(only(R"({"run_id": "r", "key": "verdict", "score": null, "value": "incorrect"})").value, 0);
}

TEST(Posted, ReadsPhoenix) {
  const Post post = read(R"({"data": [
      {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "name": "hallucination", "annotator_kind": "LLM",
       "result": {"label": "factual", "score": 0, "explanation": "it is said in the text"}, "metadata": {},
       "identifier": ""},
      {"span_id": "00f067aa0ba902b7", "name": "correct", "annotator_kind": "HUMAN", "identifier": "me",
       "result": {"label": "correct"}}]})");
  ASSERT_THAT(post.scores, SizeIs(2));
  EXPECT_THAT(post.scores[0].targets, ElementsAre(ScoreTarget{Kind::kTrace, "4bf92f3577b34da6a3ce929d0e0e4736"}));
  EXPECT_EQ(post.scores[0].value, 0);
  EXPECT_EQ(post.scores[0].source, "LLM");
  EXPECT_THAT(post.scores[1].targets, ElementsAre(ScoreTarget{Kind::kRequest, "00f067aa0ba902b7"}));
  EXPECT_EQ(post.scores[1].value, 1);
  EXPECT_EQ(post.scores[1].source, "me");
}

TEST(Posted, ReadsMlflow) {
  for (const std::string body :
       {R"({"assessment": {"assessment_name": "faithful", "trace_id": "tr-4bf92f3577b34da6a3ce929d0e0e4736",
          "source": {"source_type": "LLM_JUDGE", "source_id": "judge"}, "create_time": "2026-11-28T09:00:00Z",
          "feedback": {"value": 0.25}, "rationale": "half of it is made up", "metadata": {}}})",
        R"({"trace_id": "tr-4bf92f3577b34da6a3ce929d0e0e4736", "name": "faithful", "value": 0.25,
          "rationale": "half of it is made up", "source": {"source_type": "LLM_JUDGE", "source_id": "judge"}})"}) {
    const PostedScore score = only(body);
    EXPECT_THAT(score.targets, ElementsAre(ScoreTarget{Kind::kTrace, "4bf92f3577b34da6a3ce929d0e0e4736"}));
    EXPECT_EQ(score.name, "faithful");
    EXPECT_EQ(score.value, 0.25);
    EXPECT_EQ(score.source, "judge");
  }
  EXPECT_THAT(refusal(R"({"assessment": {"assessment_name": "faithful", "trace_id": "tr-1",
      "feedback": {"error": {"error_code": "RATE_LIMIT", "error_message": "later"}}}})"), HasSubstr("value must be"));
}

TEST(Posted, ReadsPortkeyOnAScaleOfOne) {
  const PostedScore score = only(R"({"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "value": -5, "weight": 0.5,
      "metadata": {"_user": "u", "env": "production"}})");
  EXPECT_THAT(score.targets, ElementsAre(ScoreTarget{Kind::kTrace, "4bf92f3577b34da6a3ce929d0e0e4736"}));
  EXPECT_EQ(score.name, "feedback");
  EXPECT_EQ(score.value, 0.25);
  EXPECT_EQ(score.weight, 0.5);
}

TEST(Posted, ReadsEvaluationEventsOfOpenTelemetry) {
  const PostedScore score = only(R"({"resourceLogs": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "judge"}}]},
      "scopeLogs": [{"scope": {"name": "evaluator"}, "logRecords": [
      {"eventName": "something.else", "attributes": []},
      {"timeUnixNano": "1700000000000000000", "severityNumber": 9, "eventName": "gen_ai.evaluation.result",
       "traceId": "4BF92F3577B34DA6A3CE929D0E0E4736", "spanId": "00F067AA0BA902B7", "attributes": [
        {"key": "gen_ai.evaluation.name", "value": {"stringValue": "relevance"}},
        {"key": "gen_ai.evaluation.score.label", "value": {"stringValue": "fail"}},
        {"key": "gen_ai.evaluation.score.value", "value": {"intValue": "3"}},
        {"key": "gen_ai.evaluation.explanation", "value": {"stringValue": "off the point"}},
        {"key": "gen_ai.response.id", "value": {"stringValue": "chatcmpl-123"}}]}]}]}]})");
  EXPECT_THAT(score.targets, ElementsAre(ScoreTarget{Kind::kResponse, "chatcmpl-123"},
                                         ScoreTarget{Kind::kTrace, "4bf92f3577b34da6a3ce929d0e0e4736"}));
  EXPECT_EQ(score.name, "relevance");
  EXPECT_EQ(score.value, 3);
}

// Logs of the same evaluation, as exporters of several ages name its event.
TEST(Posted, KnowsAnEvaluationByItsAttributes) {
  const auto logs = [](const std::string& record) {
    return R"({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", )" +
           record + R"(
        {"key": "gen_ai.evaluation.name", "value": {"stringValue": "relevance"}},
        {"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 0.5}}]}]}]}]})";
  };
  const std::string named = R"({"key": "event.name", "value": {"stringValue": "gen_ai.evaluation.result"}},)";
  const std::string other = R"({"key": "event.name", "value": {"stringValue": "gen_ai.choice"}},)";
  for (const std::string& record : {R"("attributes": [)" + named, R"("eventName": "", "attributes": [)" + named,
                                    std::string(R"("attributes": [)")}) {
    EXPECT_EQ(only(logs(record)).value, 0.5) << record;
  }
  for (const std::string& record : {R"("attributes": [)" + other, R"("eventName": "gen_ai.choice", "attributes": [)" + named}) {
    EXPECT_THAT(read(logs(record)).scores, IsEmpty()) << record;
  }
}

TEST(Posted, AHundredThousandMembersAreReadInNoTime) {
  std::string body = R"({"request_id":"a","name":"n","value":1)";
  for (int i = 0; i < 100'000; ++i) body += ",\"" + std::to_string(i) + "\":1";
  EXPECT_THAT(read(body + "}").refused, IsEmpty());
}

}  // namespace
}  // namespace weir::app
