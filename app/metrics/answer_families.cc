#include "app/metrics/answer_families.h"

#include <cmath>
#include <utility>

namespace weir::app {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using All = std::vector<AnswerSeries>;

ClientMetric labelled(const AnswerSeries& series) {
  ClientMetric metric;
  metric.label = {{"service", series.service}, {"route", series.route}, {"version", series.version}};
  if (!series.model.empty()) metric.label.push_back({"gen_ai_request_model", series.model});
  return metric;
}

template <std::size_t kBounds>
void add(MetricFamily& family, ClientMetric metric, const Distribution<kBounds>& values,
         const std::array<double, kBounds>& bounds) {
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i <= kBounds; ++i) {
    cumulative += values.buckets[i];
    metric.histogram.bucket.push_back({cumulative, i == kBounds ? INFINITY : bounds[i]});
  }
  if (cumulative == 0) return;
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = values.sum;
  family.metric.push_back(std::move(metric));
}

MetricFamily durations(const All& all) {
  MetricFamily out{"gen_ai_server_request_duration_seconds",
                   "From the request's head to the last byte received from the endpoint, where answers are inspected; "
                   "with an error_type, of those that failed.",
                   MetricType::Histogram,
                   {}};
  for (const AnswerSeries& series : all) {
    for (std::size_t i = 0; i < series.duration.size(); ++i) {
      ClientMetric metric = labelled(series);
      const auto outcome = static_cast<OutcomeClass>(i);
      if (outcome != OutcomeClass::kOk) metric.label.push_back({"error_type", std::string(to_string(outcome))});
      add(out, std::move(metric), series.duration[i], kDurationBounds);
    }
  }
  return out;
}

// With a histogram of each series that has one.
template <std::size_t kBounds>
MetricFamily filled(MetricFamily out, const All& all, Distribution<kBounds> AnswerSeries::*values,
                    const std::array<double, kBounds>& bounds) {
  for (const AnswerSeries& series : all) add(out, labelled(series), series.*values, bounds);
  return out;
}

MetricFamily first_token(const All& all) {
  return filled({"gen_ai_server_time_to_first_token_seconds",
                 "From the request's head to the first event with output, of answers that ended well.",
                 MetricType::Histogram,
                 {}},
                all, &AnswerSeries::first_token, kFirstTokenBounds);
}

MetricFamily token_times(const All& all) {
  return filled({"gen_ai_server_time_per_output_token_seconds",
                 "Of each token behind the first, on average, of streams that ended well and said their tokens: one "
                 "value each.",
                 MetricType::Histogram,
                 {}},
                all, &AnswerSeries::token_time, kTokenTimeBounds);
}

MetricFamily tokens(const All& all) {
  MetricFamily out{"gen_ai_client_token_usage", "Tokens of an answer, as it says itself.", MetricType::Histogram, {}};
  for (const AnswerSeries& series : all) {
    ClientMetric in = labelled(series);
    in.label.push_back({"gen_ai_token_type", "input"});
    add(out, std::move(in), series.tokens_in, kTokenBounds);
    ClientMetric given = labelled(series);
    given.label.push_back({"gen_ai_token_type", "output"});
    add(out, std::move(given), series.tokens_out, kTokenBounds);
  }
  return out;
}

MetricFamily gaps(const All& all) {
  return filled({"weir_answer_chunk_gap_seconds",
                 "Between the events with output of a stream that ended well, on average: one value each.",
                 MetricType::Histogram,
                 {}},
                all, &AnswerSeries::chunk_gap, kTokenTimeBounds);
}

MetricFamily finishes(const All& all) {
  MetricFamily out{
      "weir_answers_total", "Answers that were inspected, by why the model ended.", MetricType::Counter, {}};
  for (const AnswerSeries& series : all) {
    for (std::size_t i = 0; i < series.by_finish.size(); ++i) {
      if (series.by_finish[i] == 0) continue;
      ClientMetric metric = labelled(series);
      metric.label.push_back({"finish_reason", std::string(to_string(static_cast<FinishReason>(i)))});
      metric.counter.value = static_cast<double>(series.by_finish[i]);
      out.metric.push_back(std::move(metric));
    }
  }
  return out;
}

MetricFamily counted(const All& all, const char* name, const char* help, std::uint64_t AnswerSeries::*count) {
  MetricFamily out{name, help, MetricType::Counter, {}};
  for (const AnswerSeries& series : all) {
    ClientMetric metric = labelled(series);
    metric.counter.value = static_cast<double>(series.*count);
    out.metric.push_back(std::move(metric));
  }
  return out;
}

MetricFamily cost(const All& all) {
  MetricFamily out{"weir_answers_cost_total",
                   "What the tokens of answers cost by the prices of their versions, in the plan's currency.",
                   MetricType::Counter,
                   {}};
  for (const AnswerSeries& series : all) {
    if (series.priced == 0) continue;
    ClientMetric metric = labelled(series);
    metric.counter.value = static_cast<double>(series.cost_micros) / 1e6;
    out.metric.push_back(std::move(metric));
  }
  return out;
}

}  // namespace

std::vector<MetricFamily> answer_families(const std::vector<AnswerSeries>& series) {
  std::vector<MetricFamily> out;
  for (MetricFamily& family :
       std::array{durations(series), first_token(series), token_times(series), tokens(series), gaps(series),
                  finishes(series), cost(series),
                  counted(series, "weir_answers_priced_total", "Answers whose cost is known.", &AnswerSeries::priced),
                  counted(series, "weir_answers_empty_total", "Answers with no output, or nothing but white space.",
                          &AnswerSeries::empty),
                  counted(series, "weir_answers_invalid_total",
                          "Answers whose JSON, asked for or a tool call's, does not parse.", &AnswerSeries::invalid),
                  counted(series, "weir_answer_tokens_cached_total", "Of the tokens in, those from a cache.",
                          &AnswerSeries::tokens_cached)}) {
    if (!family.metric.empty()) out.push_back(std::move(family));
  }
  return out;
}

}  // namespace weir::app
