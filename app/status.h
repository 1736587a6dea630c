// Confined to the control thread. The document of /api/v1/status: how everything stands, for people and their tools.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/rollout/controller.h"
#include "app/endpoint_standing.h"
#include "app/feedback/desk.h"
#include "app/metrics/exposition.h"
#include "app/metrics/recent_traffic.h"
#include "base/json.h"
#include "base/names.h"
#include "config/config.h"

namespace weir::app {

struct StatusFacts {
  const config::Config& config;
  const Names& names;
  const analysis::Controller& controller;
  const RecentTraffic& traffic;
  const FeedbackDesk& feedback;
  const std::vector<EndpointStanding>& endpoints;

  std::string plan;                    // where the plan comes from
  std::vector<std::string> listeners;  // the addresses really bound
  std::vector<std::string> problems;   // what is wrong now, for people
  std::uint64_t comparisons_dropped = 0;  // of copies, of all rollouts
  std::int64_t unix_ms = 0;            // now
  double uptime_s = 0;
  bool ready = false;
  bool draining = false;
};

json::Value status_document(const StatusFacts& facts);

// What the document says of rollouts, as the metrics want it: both always say the same.
std::vector<RolloutSample> rollout_samples(const json::Value& status);

}  // namespace weir::app
