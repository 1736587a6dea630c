// Pure function over plain values, but for process_sample(). The text that /metrics answers, in Prometheus' format.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/feedback/fate.h"
#include "app/metrics/answer_metrics.h"
#include "app/metrics/certificate_metrics.h"
#include "app/metrics/endpoint_metrics.h"
#include "app/metrics/request_metrics.h"
#include "app/metrics/shadow_metrics.h"
#include "base/ids.h"
#include "proxy/observe/counters.h"

namespace weir::app {

struct GuardSample {
  std::string guard;           // "errorRate", "latency p99"
  double toward_rollback = 0;  // share of the evidence that decides: 1 rolls back
  double toward_advance = 0;   // 1 passes the gate
};

// Whether the arms get their shares of users.
struct SplitSample {
  double baseline = 0;  // distinct users counted in the step
  double candidate = 0;
  double toward_alarm = 0;  // 0 to 1
};

// One of maxExposure.
struct BudgetSample {
  std::string budget;  // "excessFailures"
  double spent = 0;    // share of its limit: at 1 the candidate is rolled back
};

struct RolloutSample {
  std::string service;
  std::string phase;  // one of `phases` of the scrape
  double weight = 0;  // of the candidate, 0 to 1
  std::vector<GuardSample> guards;
  std::optional<SplitSample> split;
  std::vector<BudgetSample> budgets = {};
};

struct StoreSample {
  bool healthy = true;
  std::uint64_t pending = 0;   // records not yet durable
  std::uint64_t failures = 0;  // writes that failed, ever
};

// Of the decision records.
struct RecordsSample {
  std::uint64_t ticks_lost = 0;
  std::uint64_t bytes_written = 0;
};

// Of the names of endpoints.
struct NameSample {
  std::uint64_t names = 0;
  std::uint64_t failing = 0;   // of these, that cannot be resolved now
  std::uint64_t lookups = 0;   // ever
  std::uint64_t failures = 0;  // of these
};

// Of scores that were posted.
struct FeedbackSample {
  ScoreTally fates{};  // ever
  std::uint64_t waiting = 0;
  std::array<std::uint64_t, kArmCount> forgotten{};  // requests, by arm
};

struct WebhookSample {
  std::string service;
  std::string webhook;
  std::uint64_t delivered = 0;  // events, as the next two
  std::uint64_t failed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t waiting = 0;
};

struct ProcessSample {
  double start_time_s = 0;  // since 1970
  double cpu_s = 0;
  double resident_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
};
ProcessSample process_sample();

struct Scrape {
  RequestTotals requests;
  std::vector<AnswerSeries> answers;
  std::vector<ShadowSeries> shadow;
  std::array<std::int64_t, proxy::kCountCount> counts{};
  std::vector<std::string> phases;  // every word that a rollout's phase can be
  std::vector<RolloutSample> rollouts;
  std::vector<EndpointSample> endpoints;
  StoreSample store;
  RecordsSample records;
  NameSample names;
  FeedbackSample feedback;
  std::vector<WebhookSample> webhooks;
  std::vector<CertificateSample> certificates;
  ProcessSample process;
  std::uint64_t outcomes_dropped = 0;
  std::uint64_t comparisons_dropped = 0;
  std::uint64_t access_log_dropped = 0;
  std::uint64_t log_lines_dropped = 0;
  std::uint64_t reloads = 0;
  std::uint64_t reloads_refused = 0;
  std::uint64_t admin_turned_away = 0;
  bool ready = false;
};

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";
std::string render_metrics(const Scrape& scrape);

}  // namespace weir::app
