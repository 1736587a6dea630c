#include "app/metrics/shadow_families.h"

#include <cmath>
#include <utility>

namespace weir::app {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Pairs = std::vector<ShadowSeries>;

ClientMetric labelled(const ShadowSeries& series) {
  ClientMetric metric;
  metric.label = {{"service", series.service}, {"baseline", series.baseline}, {"candidate", series.candidate}};
  return metric;
}

MetricFamily comparisons(const Pairs& all) {
  MetricFamily out{"weir_shadow_comparisons_total",
                   "Requests answered by the baseline and, as a copy, by the candidate, by what became of either.",
                   MetricType::Counter,
                   {}};
  for (const ShadowSeries& series : all) {
    for (std::size_t b = 0; b < series.outcomes.size(); ++b) {
      for (std::size_t c = 0; c < series.outcomes[b].size(); ++c) {
        if (series.outcomes[b][c] == 0) continue;
        ClientMetric metric = labelled(series);
        metric.label.push_back({"baseline_class", std::string(to_string(static_cast<OutcomeClass>(b)))});
        metric.label.push_back({"candidate_class", std::string(to_string(static_cast<OutcomeClass>(c)))});
        metric.counter.value = static_cast<double>(series.outcomes[b][c]);
        out.metric.push_back(std::move(metric));
      }
    }
  }
  return out;
}

MetricFamily likenesses(const Pairs& all) {
  constexpr std::array<const char*, kLikenessCount> kWords = {"unknown", "different", "equal", "identical"};
  MetricFamily out{"weir_shadow_answers_total",
                   "Pairs of good answers by how alike they are: identical to the byte, equal as a model's words or as "
                   "JSON, or different.",
                   MetricType::Counter,
                   {}};
  for (const ShadowSeries& series : all) {
    for (std::size_t i = 1; i < kWords.size(); ++i) {
      ClientMetric metric = labelled(series);
      metric.label.push_back({"likeness", kWords[i]});
      metric.counter.value = static_cast<double>(series.likeness[i]);
      out.metric.push_back(std::move(metric));
    }
  }
  return out;
}

MetricFamily opinions(const Pairs& all) {
  constexpr std::array<const char*, kOpinionCount> kWords = {"none", "baseline", "tie", "candidate"};
  MetricFamily out{
      "weir_shadow_judged_total", "Pairs of answers by whose was better to a judge of the plan.", MetricType::Counter, {}};
  for (const ShadowSeries& series : all) {
    for (std::size_t i = 1; i < kWords.size(); ++i) {
      if (series.opinions[i] == 0) continue;
      ClientMetric metric = labelled(series);
      metric.label.push_back({"winner", kWords[i]});
      metric.counter.value = static_cast<double>(series.opinions[i]);
      out.metric.push_back(std::move(metric));
    }
  }
  return out;
}

MetricFamily invalid(const Pairs& all) {
  MetricFamily out{"weir_shadow_json_invalid_total",
                   "Good answers of the candidate that are no JSON where the baseline's to the same request is.",
                   MetricType::Counter,
                   {}};
  for (const ShadowSeries& series : all) {
    ClientMetric metric = labelled(series);
    metric.counter.value = static_cast<double>(series.json_invalid);
    out.metric.push_back(std::move(metric));
  }
  return out;
}

using Ratios = Distribution<kRatioBounds.size()>;

MetricFamily ratios(MetricFamily out, const Pairs& all, Ratios ShadowSeries::*values) {
  for (const ShadowSeries& series : all) {
    ClientMetric metric = labelled(series);
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i <= kRatioBounds.size(); ++i) {
      cumulative += (series.*values).buckets[i];
      metric.histogram.bucket.push_back({cumulative, i == kRatioBounds.size() ? INFINITY : kRatioBounds[i]});
    }
    if (cumulative == 0) continue;
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = (series.*values).sum;
    out.metric.push_back(std::move(metric));
  }
  return out;
}

}  // namespace

std::vector<MetricFamily> shadow_families(const Pairs& all) {
  return {comparisons(all), likenesses(all), opinions(all), invalid(all),
          ratios({"weir_shadow_duration_ratio",
                  "How long the candidate took with a copy, over the baseline with the request, of pairs of good answers.",
                  MetricType::Histogram,
                  {}},
                 all, &ShadowSeries::duration_ratio),
          ratios({"weir_shadow_length_ratio",
                  "Length of the candidate's answer over that of the baseline's, of pairs of good answers.",
                  MetricType::Histogram,
                  {}},
                 all, &ShadowSeries::length_ratio)};
}

}  // namespace weir::app
