// Confined to the control thread. The analyzer's ports, filled by the data plane and the
// state file.
#pragma once

#include <cstdint>
#include <memory>

#include "analysis/rollout/controller.h"
#include "analysis/rollout/ports.h"
#include "analysis/store/journal.h"
#include "app/feedback/desk.h"
#include "app/metrics/answer_metrics.h"
#include "app/metrics/recent_traffic.h"
#include "app/metrics/request_metrics.h"
#include "app/metrics/shadow_metrics.h"
#include "app/webhooks/webhooks.h"
#include "proxy/server/server.h"

namespace weir::app {

// Every record is folded once, for all who count: the analyzer, the metrics, the figures that people look at. Records
// that were lost are told to the analyzer, which then does not trust its counts.
class OutcomeSource final : public analysis::MetricSource {
 public:
  struct Readers {
    RequestMetrics& metrics;
    AnswerMetrics& answers;
    RecentTraffic& recent;
    FeedbackDesk& feedback;
    ShadowMetrics& shadow;
    Webhooks& webhooks;
  };
  OutcomeSource(proxy::Server& server, const Readers& readers) : server_(server), readers_(readers) {}

  void collect(analysis::Tick& into) override;

 private:
  proxy::Server& server_;
  Readers readers_;
  std::uint64_t dropped_ = 0;  // told already
};

class ServerTraffic final : public analysis::TrafficControl {
 public:
  explicit ServerTraffic(proxy::Server& server) : server_(server) {}

  void apply(std::shared_ptr<const TrafficPlan> plan) override { server_.apply_plan(std::move(plan)); }

 private:
  proxy::Server& server_;
};

// The journal's records as the controller wants them. Takes the rollouts out of `opened`.
analysis::Controller::Past past_of(analysis::Journal::Opened& opened);

}  // namespace weir::app
