#include "app/metrics/answer_metrics.h"

namespace weir::app {
namespace {

constexpr const char* kOther = "other";
constexpr std::uint64_t kOverflow = UINT64_MAX;
constexpr std::uint32_t kNoModel = 0;
constexpr std::uint32_t kOtherModel = 1;
constexpr std::uint32_t kFirstModel = 2;

double seconds(std::uint32_t us) { return static_cast<double>(us) / 1e6; }

// Without the first one. What is not streamed comes all at once.
bool has_token_time(const Answer& answer) {
  return answer.streamed && answer.counted && answer.tokens_out > 1 && answer.time_to_output_us != 0 &&
         answer.duration_us > answer.time_to_output_us;
}

void add_times(const Answer& answer, AnswerSeries& into) {
  if (answer.time_to_output_us != 0) into.first_token.add(seconds(answer.time_to_output_us), kFirstTokenBounds);
  if (answer.mean_gap_us != 0) into.chunk_gap.add(seconds(answer.mean_gap_us), kTokenTimeBounds);
  if (!has_token_time(answer)) return;
  const std::uint32_t generating_us = answer.duration_us - answer.time_to_output_us;
  into.token_time.add(seconds(generating_us) / (answer.tokens_out - 1), kTokenTimeBounds);
}

}  // namespace

void AnswerMetrics::follow(const config::Config& config) {
  const std::lock_guard lock(mutex_);
  planned_.clear();
  const auto take = [this](std::string_view name) {
    const ModelName label(name);
    if (!label.empty() && label.view() != kOther) planned_.emplace(label.view());
  };
  for (const auto& [name, service] : config.services) {
    for (const auto& [version, settings] : service.versions) take(settings.model);
  }
  for (const config::Route& route : config.routes) {
    if (route.match.model) take(route.match.model->exact.value_or(""));
  }
  for (const auto& [service, rollout] : config.rollouts) {
    for (const config::Override& rule : rollout.overrides) take(rule.model);
  }
}

void AnswerMetrics::record(const Answer& answer) {
  const std::lock_guard lock(mutex_);
  AnswerSeries& into = series(answer);
  into.duration[static_cast<std::size_t>(answer.outcome)].add(seconds(answer.duration_us), kDurationBounds);
  if (!answer.known) return;
  ++into.by_finish[static_cast<std::size_t>(answer.finish)];
  if (answer.empty) ++into.empty;
  if (answer.invalid) ++into.invalid;
  if (answer.outcome == OutcomeClass::kOk) add_times(answer, into);
  if (answer.priced) {
    ++into.priced;
    into.cost_micros += answer.cost_micros;
  }
  if (!answer.counted) return;
  into.tokens_in.add(answer.tokens_in, kTokenBounds);
  into.tokens_out.add(answer.tokens_out, kTokenBounds);
  into.tokens_cached += answer.tokens_cached;
}

AnswerMetrics::Model AnswerMetrics::model_of(const Answer& answer) {
  const std::string_view name = answer.asked.view();
  if (name.empty()) return kNoModel;
  if (name == kOther) return kOtherModel;
  const auto known = models_.find(name);
  if (known != models_.end()) return known->second;
  if (!planned_.contains(name)) {
    if (invented_ >= kModelLimit || !answer.known || answer.outcome != OutcomeClass::kOk) return kOtherModel;
    ++invented_;
  }
  return models_.emplace(name, kFirstModel + static_cast<Model>(models_.size())).first->second;
}

AnswerSeries& AnswerMetrics::series(const Answer& answer) {
  const Model model = model_of(answer);
  const Key key{(std::uint64_t{answer.route} << 32) | answer.version, model};
  const auto known = series_.find(key);
  if (known != series_.end()) return known->second;
  const bool full = series_.size() >= kSeriesLimit;
  AnswerSeries& added = series_[full ? Key{kOverflow, kNoModel} : key];
  const std::string& service = names_.services.name(answer.service);
  added.service = full ? kOther : service;
  added.route = full ? kOther : names_.routes.name(answer.route);
  added.version = full ? kOther : version_label(service, names_.versions.name(answer.version));
  if (model != kNoModel) added.model = full || model == kOtherModel ? kOther : answer.asked.view();
  return added;
}

std::vector<AnswerSeries> AnswerMetrics::totals() const {
  std::vector<AnswerSeries> out;
  const std::lock_guard lock(mutex_);
  out.reserve(series_.size());
  for (const auto& [key, series] : series_) out.push_back(series);
  return out;
}

}  // namespace weir::app
