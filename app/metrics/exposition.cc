#include "app/metrics/exposition.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <utility>

#include "app/build/build_info.h"
#include "app/metrics/answer_families.h"
#include "app/metrics/shadow_families.h"

namespace weir::app {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

struct CountWords {
  const char* name;
  const char* help;
  MetricType type = MetricType::Counter;
};

// In the order of proxy::Count.
constexpr std::array<CountWords, proxy::kCountCount> kCountWords = {{
    {"weir_downstream_connections_accepted_total", "Client connections accepted."},
    {"weir_downstream_connections_refused_total", "Client connections over a listener's limit, answered 503."},
    {"weir_downstream_connections_denied_total", "Client connections that a listener's allow and deny do not let in."},
    {"weir_downstream_accept_errors_total", "Accepts that failed: no descriptors, aborted handshakes."},
    {"weir_downstream_idle_closed_total", "Client connections closed because keepAlive ran out."},
    {"weir_downstream_tls_handshakes_failed_total",
     "TLS connections of clients that ended before a first request could come."},
    {"weir_downstream_proxy_headers_refused_total", "Client connections without the PROXY header that is wanted."},
    {"weir_requests_refused_total", "Requests refused before a version was assigned."},
    {"weir_requests_denied_address_total", "Requests refused by a route's allow and deny."},
    {"weir_requests_denied_key_total", "Requests refused for want of an API key that their route knows."},
    {"weir_requests_rate_limited_total", "Requests refused because they were over their route's rate."},
    {"weir_rate_limit_keys_forgotten_total",
     "Keys of rate limits that began anew before their time, because others took their place."},
    {"weir_requests_answered_total", "Requests answered by a redirect or a response of the plan."},
    {"weir_requests_cut_total", "Requests ended by the deadline of a drain."},
    {"weir_overloaded_total", "Requests and connections answered 503 because buffers had taken their memory."},
    {"weir_upstream_connections_opened_total", "Connections opened to endpoints."},
    {"weir_upstream_connect_failures_total", "Connections to endpoints that could not be opened."},
    {"weir_upstream_tls_failures_total",
     "Connections to endpoints that failed for TLS, opened or not: the log says why."},
    {"weir_upstream_no_resources_total",
     "Connections to endpoints and health checks left out for want of descriptors, memory or ports of this process."},
    {"weir_upstream_connections_reused_total", "Requests sent on a connection that was open already."},
    {"weir_upstream_ejections_total", "Endpoints taken out of rotation."},
    {"weir_upstream_retries_total", "Requests sent to their version once more after an attempt had failed."},
    {"weir_upstream_retries_answered_total", "Retried requests that got a response from their version after all."},
    {"weir_upstream_retries_over_budget_total", "Retries left out because too many were under way."},
    {"weir_rescues_over_budget_total", "Rescues left out because too many were under way."},
    {"weir_upstream_stale_total", "Requests sent a second time, because a reused connection had ended."},
    {"weir_requests_unkeyed_total", "Requests split at random for want of a sticky key."},
    {"weir_requests_lookahead_exceeded_total",
     "Requests in whose body, as far as limits.lookahead goes, nothing was found of what they are routed by."},
    {"weir_requests_overridden_total", "Requests that chose their version by an override; never evidence."},
    {"weir_requests_returned_total", "Requests that went to the version that made what they name; never evidence."},
    {"weir_created_ids_forgotten_total", "Ids of what versions made that had to make room before their time."},
    {"weir_requests_kept_total",
     "Requests that stayed on the version on which their session began under an earlier weight; never evidence."},
    {"weir_sessions_forgotten_total", "Sessions that had to make room before their time."},
    {"weir_shadow_copies_total", "Copies of requests that were sent to candidates."},
    {"weir_shadow_too_long_total", "Requests not copied because their bodies are longer than mirror.body."},
    {"weir_shadow_overloaded_total",
     "Copies not made or given up because mirror.inFlight, memory or the candidate's connections were used up."},
    {"weir_shadow_abandoned_total",
     "Copies given up because the baseline's answer did not come to its end, or because of a drain."},
    {"weir_shadow_unjudged_total",
     "Pairs of answers that were not shown to a judge of the plan, because those before them were still on their way."},
    {"weir_answers_uninspected_total",
     "Answers on inspected routes of which nothing could be read: of another kind, compressed, or in no known "
     "dialect."},
    {"weir_downstream_connections", "Client connections open.", MetricType::Gauge},
    {"weir_requests_active", "Requests under way.", MetricType::Gauge},
    {"weir_upstream_connections", "Connections to endpoints open.", MetricType::Gauge},
    {"weir_upstream_connections_idle", "Connections to endpoints open and unused.", MetricType::Gauge},
    {"weir_shadow_active", "Copies of requests under way.", MetricType::Gauge},
    {"weir_requests_pending", "Requests that wait for a connection to an endpoint.", MetricType::Gauge},
    {"weir_buffer_bytes",
     "What read buffers, clients' TLS sessions and answers for judges take, of limits.memory.", MetricType::Gauge},
}};

ClientMetric valued(MetricType type, double value, Labels labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (type == MetricType::Counter)
    metric.counter.value = value;
  else
    metric.gauge.value = value;
  return metric;
}

// A scrape as prometheus-cpp wants to see it: built when it is asked for, and forgotten.
class ScrapeCollectable final : public prometheus::Collectable {
 public:
  explicit ScrapeCollectable(const Scrape& scrape) : scrape_(scrape) {}

  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> out;
    const auto add = [&out](MetricFamily family) {
      if (!family.metric.empty()) out.push_back(std::move(family));
    };
    add(requests());
    add(durations());
    add(rescued());
    for (MetricFamily& family : answer_families(scrape_.answers)) out.push_back(std::move(family));
    for (MetricFamily& family : shadow_families(scrape_.shadow)) add(std::move(family));
    add(weights());
    add(phases());
    add(evidence());
    add(budgets());
    add(users());
    add(split());
    for (std::size_t i = 0; i < kCountWords.size(); ++i) {
      add(single(kCountWords[i], static_cast<double>(scrape_.counts[i])));
    }
    for (MetricFamily& family : endpoint_families(scrape_.endpoints)) out.push_back(std::move(family));
    for (MetricFamily& family : certificate_families(scrape_.certificates)) out.push_back(std::move(family));
    add(deliveries());
    add(undelivered());
    add(scores());
    add(requests_forgotten());
    own(add);
    return out;
  }

 private:
  static MetricFamily family(const CountWords& words) { return {words.name, words.help, words.type, {}}; }
  static MetricFamily single(const CountWords& words, double value) {
    MetricFamily out = family(words);
    out.metric.push_back(valued(words.type, value));
    return out;
  }

  MetricFamily requests() const {
    MetricFamily out = family({"weir_requests_total", "Requests that ended, by what became of them."});
    for (const RequestSeries& series : scrape_.requests.requests) {
      for (std::size_t i = 0; i < series.by_class.size(); ++i) {
        if (series.by_class[i] == 0) continue;
        Labels labels = {{"service", series.service}, {"route", series.route}, {"version", series.version}};
        labels.push_back({"class", std::string(to_string(static_cast<OutcomeClass>(i)))});
        out.metric.push_back(valued(out.type, static_cast<double>(series.by_class[i]), std::move(labels)));
      }
    }
    return out;
  }

  MetricFamily durations() const {
    MetricFamily out =
        family({"weir_request_duration_seconds",
                "From the request's head parsed to the last byte received from the endpoint.", MetricType::Histogram});
    for (const DurationSeries& series : scrape_.requests.durations) {
      ClientMetric metric;
      metric.label = {{"service", series.service}, {"version", series.version}};
      std::uint64_t cumulative = 0;
      for (std::size_t i = 0; i < series.buckets.size(); ++i) {
        cumulative += series.buckets[i];
        const bool last = i == kDurationBounds.size();
        metric.histogram.bucket.push_back({cumulative, last ? INFINITY : kDurationBounds[i]});
      }
      metric.histogram.sample_count = cumulative;
      metric.histogram.sample_sum = static_cast<double>(series.sum_us) / 1e6;
      out.metric.push_back(std::move(metric));
    }
    return out;
  }

  MetricFamily rescued() const {
    MetricFamily out = family({"weir_requests_rescued_total",
                               "Requests of a candidate that had failed, given to the baseline instead. Their class is "
                               "the candidate's."});
    for (const DurationSeries& series : scrape_.requests.durations) {
      if (series.rescued == 0) continue;
      out.metric.push_back(valued(out.type, static_cast<double>(series.rescued),
                                  {{"service", series.service}, {"version", series.version}}));
    }
    return out;
  }

  MetricFamily weights() const {
    MetricFamily out = family({"weir_rollout_weight", "Share of users on the candidate, 0 to 1.", MetricType::Gauge});
    for (const RolloutSample& rollout : scrape_.rollouts) {
      out.metric.push_back(valued(out.type, rollout.weight, {{"service", rollout.service}}));
    }
    return out;
  }

  MetricFamily phases() const {
    MetricFamily out = family({"weir_rollout_phase", "1 for the phase that a rollout is in.", MetricType::Gauge});
    for (const RolloutSample& rollout : scrape_.rollouts) {
      for (const std::string& phase : scrape_.phases) {
        const double is = rollout.phase == phase ? 1 : 0;
        out.metric.push_back(valued(out.type, is, {{"service", rollout.service}, {"phase", phase}}));
      }
    }
    return out;
  }

  MetricFamily evidence() const {
    MetricFamily out = family({"weir_guard_evidence",
                               "A guard's evidence as a share of what decides: at 1 it rolls back, or its gate passes.",
                               MetricType::Gauge});
    const auto add = [&out](const RolloutSample& rollout, const GuardSample& guard, const char* toward, double share) {
      Labels labels = {{"service", rollout.service}, {"guard", guard.guard}, {"toward", toward}};
      out.metric.push_back(valued(out.type, std::isfinite(share) ? std::max(share, 0.0) : 0.0, std::move(labels)));
    };
    for (const RolloutSample& rollout : scrape_.rollouts) {
      for (const GuardSample& guard : rollout.guards) {
        add(rollout, guard, "rollback", guard.toward_rollback);
        add(rollout, guard, "advance", guard.toward_advance);
      }
    }
    return out;
  }

  MetricFamily budgets() const {
    MetricFamily out =
        family({"weir_rollout_budget_spent",
                "What the candidate has cost its users, as a share of a budget of maxExposure: at 1 it is "
                "rolled back.",
                MetricType::Gauge});
    for (const RolloutSample& rollout : scrape_.rollouts) {
      for (const BudgetSample& budget : rollout.budgets) {
        out.metric.push_back(valued(out.type, budget.spent, {{"service", rollout.service}, {"budget", budget.budget}}));
      }
    }
    return out;
  }

  MetricFamily users() const {
    MetricFamily out = family({"weir_rollout_users",
                               "Distinct users counted in the rollout's step, by arm; of a rollout without user "
                               "keys, requests. A step's count ends once it is enough to test the split.",
                               MetricType::Gauge});
    for (const RolloutSample& rollout : scrape_.rollouts) {
      if (!rollout.split) continue;
      out.metric.push_back(
          valued(out.type, rollout.split->baseline, {{"service", rollout.service}, {"arm", "baseline"}}));
      out.metric.push_back(
          valued(out.type, rollout.split->candidate, {{"service", rollout.service}, {"arm", "candidate"}}));
    }
    return out;
  }

  MetricFamily split() const {
    MetricFamily out = family({"weir_rollout_split_evidence",
                               "Evidence that the versions do not get the share of users that the plan says, as a "
                               "share of what alarms: at 1 the rollout pauses.",
                               MetricType::Gauge});
    for (const RolloutSample& rollout : scrape_.rollouts) {
      if (rollout.split) {
        out.metric.push_back(valued(out.type, rollout.split->toward_alarm, {{"service", rollout.service}}));
      }
    }
    return out;
  }

  MetricFamily deliveries() const {
    MetricFamily out = family({"weir_webhook_deliveries_total",
                               "Events for webhooks, by what became of them: delivered, failed (given up), dropped (by "
                               "a full queue)."});
    for (const WebhookSample& webhook : scrape_.webhooks) {
      const auto count = [&](const char* result, std::uint64_t value) {
        Labels labels = {{"service", webhook.service}, {"webhook", webhook.webhook}, {"result", result}};
        out.metric.push_back(valued(out.type, static_cast<double>(value), std::move(labels)));
      };
      count("delivered", webhook.delivered);
      count("failed", webhook.failed);
      count("dropped", webhook.dropped);
    }
    return out;
  }

  MetricFamily undelivered() const {
    MetricFamily out =
        family({"weir_webhook_events_waiting",
                "Events that a webhook has not been told yet, the one under way included.", MetricType::Gauge});
    for (const WebhookSample& webhook : scrape_.webhooks) {
      out.metric.push_back(valued(out.type, static_cast<double>(webhook.waiting),
                                  {{"service", webhook.service}, {"webhook", webhook.webhook}}));
    }
    return out;
  }

  MetricFamily scores() const {
    MetricFamily out =
        family({"weir_feedback_scores_total",
                "Scores that were posted, by what became of them; an early one has another fate later."});
    for (std::size_t number = 0; number < kScoreFateCount; ++number) {
      const auto fate = static_cast<ScoreFate>(number);
      out.metric.push_back(valued(out.type, static_cast<double>(scrape_.feedback.fates[fate]),
                                  {{"fate", std::string(to_string(fate))}}));
    }
    return out;
  }

  MetricFamily requests_forgotten() const {
    MetricFamily out = family({"weir_feedback_requests_forgotten_total",
                               "Requests that made room for others in feedback.memory before their day was over."});
    for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) {
      out.metric.push_back(valued(out.type,
                                  static_cast<double>(scrape_.feedback.forgotten[static_cast<std::size_t>(arm)]),
                                  {{"arm", arm == Arm::kBaseline ? "baseline" : "candidate"}}));
    }
    return out;
  }

  template <class Add>
  void own(const Add& add) const {
    const auto counter = [&add](const char* name, const char* help, double value) { add(single({name, help}, value)); };
    const auto gauge = [&add](const char* name, const char* help, double value) {
      add(single({name, help, MetricType::Gauge}, value));
    };
    gauge("weir_store_healthy", "1 while the state file takes what is written.", scrape_.store.healthy ? 1 : 0);
    gauge("weir_store_pending_records", "Records that are not yet durable.",
          static_cast<double>(scrape_.store.pending));
    counter("weir_store_write_failures_total", "Writes to the state file that failed.",
            static_cast<double>(scrape_.store.failures));
    counter("weir_records_written_bytes_total", "Decision records that the disk has taken.",
            static_cast<double>(scrape_.records.bytes_written));
    counter("weir_records_lost_ticks_total", "Ticks that no record was kept of: `weir replay` has a gap there.",
            static_cast<double>(scrape_.records.ticks_lost));
    gauge("weir_dns_names", "Names of endpoints that are looked up.", static_cast<double>(scrape_.names.names));
    gauge("weir_dns_names_failing", "Of those, the ones that cannot be resolved now.",
          static_cast<double>(scrape_.names.failing));
    counter("weir_dns_lookups_total", "Lookups of names that came to their end.",
            static_cast<double>(scrape_.names.lookups));
    counter("weir_dns_failures_total", "Of those, the ones that found no address.",
            static_cast<double>(scrape_.names.failures));
    gauge("weir_feedback_scores_waiting", "Scores whose request is not known yet.",
          static_cast<double>(scrape_.feedback.waiting));
    counter("weir_outcomes_dropped_total", "Outcomes that found their worker's ring full.",
            static_cast<double>(scrape_.outcomes_dropped));
    counter("weir_shadow_uncounted_total", "Comparisons of copies that found their worker's ring full, and are in no figure.",
            static_cast<double>(scrape_.comparisons_dropped));
    counter("weir_access_log_dropped_total", "Access log lines that the disk was too slow for.",
            static_cast<double>(scrape_.access_log_dropped));
    counter("weir_log_lines_dropped_total", "Lines of the program's own log that standard error did not take.",
            static_cast<double>(scrape_.log_lines_dropped));
    counter("weir_reloads_total", "Plans loaded after the first.", static_cast<double>(scrape_.reloads));
    counter("weir_reloads_refused_total", "Plans that changed nothing because they were refused.",
            static_cast<double>(scrape_.reloads_refused));
    counter("weir_admin_connections_turned_away_total",
            "Admin connections closed at their limit: the longest silent one, or the new one where none is silent.",
            static_cast<double>(scrape_.admin_turned_away));
    gauge("weir_ready", "1 while new requests are welcome.", scrape_.ready ? 1 : 0);
    MetricFamily build = family({"weir_build_info", "1; the labels say which program this is.", MetricType::Gauge});
    build.metric.push_back(
        valued(build.type, 1, {{"version", std::string(version())}, {"compiler", std::string(compiler())}}));
    add(std::move(build));
    counter("process_cpu_seconds_total", "CPU time of the process.", scrape_.process.cpu_s);
    gauge("process_start_time_seconds", "When the process began, since 1970.", scrape_.process.start_time_s);
    gauge("process_resident_memory_bytes", "Memory of the process.", scrape_.process.resident_bytes);
    gauge("process_open_fds", "Open file descriptors.", scrape_.process.open_fds);
    gauge("process_max_fds", "Most file descriptors that may be open.", scrape_.process.max_fds);
  }

  const Scrape& scrape_;
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ProcessSample process_sample() {
  static const double kStart = static_cast<double>(::time(nullptr));
  ProcessSample out;
  out.start_time_s = kStart;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) out.cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.max_fds = static_cast<double>(limit.rlim_cur);
  double pages = 0;
  std::ifstream statm("/proc/self/statm");
  statm >> pages >> pages;  // the second figure is what is resident
  out.resident_bytes = pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end; at.increment(error)) {
    ++out.open_fds;
  }
  return out;
}

std::string render_metrics(const Scrape& scrape) {
  return prometheus::TextSerializer().Serialize(ScrapeCollectable(scrape).Collect());
}

}  // namespace weir::app
