#include "app/metrics/answer_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/metrics/exposition.h"

namespace weir::app {
namespace {

using testing::HasSubstr;
using testing::Not;

class AnswerMetricsTest : public testing::Test {
 protected:
  Answer answer() const {
    Answer out;
    out.service = service_;
    out.route = route_;
    out.version = version_;
    return out;
  }
  std::string text() const {
    Scrape scrape;
    scrape.answers = metrics_.totals();
    return render_metrics(scrape);
  }

  Names names_;
  ServiceId service_ = names_.services.intern("chat");
  RouteId route_ = names_.routes.intern("route-1");
  VersionId version_ = names_.version("chat", "v1");
  AnswerMetrics metrics_{names_};
};

TEST_F(AnswerMetricsTest, SayNothingWithoutAnswers) { EXPECT_THAT(text(), Not(HasSubstr("gen_ai_"))); }

TEST_F(AnswerMetricsTest, SayWhatAnAnswerWasUnderItsNames) {
  Answer one = answer();
  one.time_to_output_us = 20'000;  // exactly 0.02
  one.mean_gap_us = 2'000'000;
  one.counted = one.invalid = true;
  one.tokens_in = 25;
  one.tokens_out = 14;
  one.tokens_cached = 5;
  one.streamed = one.priced = true;
  one.duration_us = 280'000;  // 260 ms for the 13 tokens behind the first
  one.cost_micros = 1'500'000;
  one.finish = FinishReason::kLength;
  metrics_.record(one);
  const std::string all = text();
  const std::string labels = R"(service="chat",route="route-1",version="v1")";
  EXPECT_THAT(all, HasSubstr("gen_ai_server_time_to_first_token_seconds_bucket{" + labels + R"(,le="0.01"} 0)"));
  EXPECT_THAT(all, HasSubstr("gen_ai_server_time_to_first_token_seconds_bucket{" + labels + R"(,le="0.02"} 1)"));
  EXPECT_THAT(all, HasSubstr("gen_ai_client_token_usage_sum{" + labels + R"(,gen_ai_token_type="input"} 25)"));
  EXPECT_THAT(all, HasSubstr("gen_ai_client_token_usage_sum{" + labels + R"(,gen_ai_token_type="output"} 14)"));
  EXPECT_THAT(all, HasSubstr("weir_answer_chunk_gap_seconds_sum{" + labels + "} 2"));
  EXPECT_THAT(all, HasSubstr("weir_answers_total{" + labels + R"(,finish_reason="length"} 1)"));
  EXPECT_THAT(all, HasSubstr("weir_answers_empty_total{" + labels + "} 0"));
  EXPECT_THAT(all, HasSubstr("weir_answers_invalid_total{" + labels + "} 1"));
  EXPECT_THAT(all, HasSubstr("weir_answer_tokens_cached_total{" + labels + "} 5"));
  EXPECT_THAT(all, HasSubstr("gen_ai_server_request_duration_seconds_sum{" + labels + "} 0.28"));
  EXPECT_THAT(all, HasSubstr("gen_ai_server_time_per_output_token_seconds_bucket{" + labels + R"(,le="0.01"} 0)"));
  EXPECT_THAT(all, HasSubstr("gen_ai_server_time_per_output_token_seconds_bucket{" + labels + R"(,le="0.025"} 1)"));
  EXPECT_THAT(all, HasSubstr("weir_answers_cost_total{" + labels + "} 1.5"));
  EXPECT_THAT(all, HasSubstr("weir_answers_priced_total{" + labels + "} 1"));
}

TEST_F(AnswerMetricsTest, CountOnlyWhatAnAnswerSaid) {
  metrics_.record(answer());
  const std::string all = text();
  EXPECT_THAT(all, HasSubstr("gen_ai_server_request_duration_seconds_count"));
  for (const char* const unsaid : {"first_token", "output_token", "token_usage", "chunk_gap", "cost_total"}) {
    EXPECT_THAT(all, Not(HasSubstr(unsaid)));
  }
  EXPECT_THAT(all, HasSubstr(R"(finish_reason="none"} 1)"));
}

TEST_F(AnswerMetricsTest, TellModelsApartOnceOneHasAnswered) {
  Answer asked = answer();
  asked.asked = ModelName("llama-8b");
  asked.outcome = OutcomeClass::kHttp4xx;
  asked.known = false;
  metrics_.record(asked);
  const std::string version = R"(version="v1")";
  EXPECT_THAT(text(), HasSubstr(version + R"(,gen_ai_request_model="other",error_type="http_4xx")"));
  EXPECT_THAT(text(), Not(HasSubstr("llama-8b"))) << "anybody may ask for anything";
  asked.known = true;
  asked.outcome = OutcomeClass::kErrorEvent;
  metrics_.record(asked);
  EXPECT_THAT(text(), Not(HasSubstr("llama-8b")));
  asked.outcome = OutcomeClass::kOk;
  metrics_.record(asked);
  metrics_.record(answer());
  asked.outcome = OutcomeClass::kHttp4xx;
  metrics_.record(asked);
  const std::string all = text();
  EXPECT_THAT(all, HasSubstr(R"(weir_answers_total{service="chat",route="route-1",version="v1",)"
                             R"(gen_ai_request_model="llama-8b",finish_reason="none"} 2)"));
  EXPECT_THAT(all, HasSubstr(version + R"(,gen_ai_request_model="llama-8b",error_type="http_4xx")"));
  EXPECT_THAT(all, HasSubstr(version + R"(,finish_reason="none"} 1)")) << "none was asked for";
}

TEST_F(AnswerMetricsTest, GiveSoManyModelsALabelAndNoMore) {
  for (std::size_t i = 0; i < 2 * AnswerMetrics::kModelLimit; ++i) {
    Answer asked = answer();
    asked.asked = ModelName("model-" + std::to_string(i));
    metrics_.record(asked);
  }
  EXPECT_EQ(metrics_.totals().size(), AnswerMetrics::kModelLimit + 1);
  EXPECT_THAT(text(), HasSubstr(R"(gen_ai_request_model="model-0",finish_reason="none"} 1)"));
  EXPECT_THAT(text(), HasSubstr(R"(gen_ai_request_model="other",finish_reason="none"} )" +
                                std::to_string(AnswerMetrics::kModelLimit)));
}

// Where a version calls the model by its own name, whatever is asked for ends well.
TEST_F(AnswerMetricsTest, KeepALabelForWhatThePlanNames) {
  config::Config plan;
  plan.services["chat"].versions["v1"].model = "llama-8b";
  plan.routes.emplace_back().match.model = config::ValueMatch{.exact = "gpt"};
  plan.routes.emplace_back().match.model = config::ValueMatch{.prefix = "model-"};
  plan.rollouts["chat"].overrides.push_back({.header = {}, .exact = {}, .version = "v1", .from = {}, .model = "qwen"});
  metrics_.follow(plan);
  const auto ask = [this](std::string_view model, OutcomeClass outcome = OutcomeClass::kOk) {
    Answer asked = answer();
    asked.asked = ModelName(model);
    asked.outcome = outcome;
    metrics_.record(asked);
  };
  for (std::size_t i = 0; i < 2 * AnswerMetrics::kModelLimit; ++i) ask("model-" + std::to_string(i));
  for (const char* const named : {"llama-8b", "gpt", "qwen"}) {
    ask(named, OutcomeClass::kErrorEvent);
    EXPECT_THAT(text(), HasSubstr(R"(gen_ai_request_model=")" + std::string(named) + R"(",finish_reason="none"} 1)"));
  }
  EXPECT_EQ(metrics_.totals().size(), AnswerMetrics::kModelLimit + 4);
}

TEST_F(AnswerMetricsTest, TellWhatFailedApart) {
  Answer broken = answer();
  broken.outcome = OutcomeClass::kTruncated;
  broken.time_to_output_us = broken.mean_gap_us = 1'000;
  metrics_.record(broken);
  Answer none = answer();
  none.outcome = OutcomeClass::kHttp5xx;
  none.known = false;
  metrics_.record(none);
  const std::string all = text();
  EXPECT_THAT(all, HasSubstr(R"(error_type="truncated",le="+Inf"} 1)"));
  EXPECT_THAT(all, HasSubstr(R"(error_type="http_5xx",le="+Inf"} 1)"));
  EXPECT_THAT(all, HasSubstr(R"(finish_reason="none"} 1)")) << "the other one was no answer";
  EXPECT_THAT(all, Not(HasSubstr("first_token")));
  EXPECT_THAT(all, Not(HasSubstr("chunk_gap")));
}

}  // namespace
}  // namespace weir::app
