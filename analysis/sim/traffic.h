// Immutable. What simulated users send, and how the baseline answers: the population of STATISTICS.md 6.0.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/window/baseline_memory.h"

namespace weir::analysis::sim {

// Both versions fail more often for a while: an error rate of `factor` times the usual, at most 1.
struct Incident {
  Seconds from{0};  // of the world's time: what comes before the rollout included
  Seconds length{120};
  double factor = 10;
};

struct Traffic {
  double rps = 100;
  std::uint32_t users = 20'000;
  // Shares of the baseline's requests.
  double error_rate = 0.001;
  double capacity_rate = 0;
  double client_error_rate = 0;
  double client_abort_rate = 0;
  double median_latency_s = 0.2;

  // Users differ: 3 % of them have 20 times the error rate of the mean, each has latencies, lengths and scores of its
  // own.
  bool sticky = false;
  // Of the errors, how many are tried again by their user, failing each time; and how often, on average, after the
  // first.
  double storm_share = 0;
  double storm_length = 8;

  // What moves over time does so with this period, or over this span.
  Seconds span{3 * 3600};
  // Error rate, load and latency swing together.
  bool drift = false;
  // What the error rate has become at the end of the span, geometrically, as a multiple of where it begins.
  double error_trend = 1;
  // So many two-minute incidents a span, on average, at random moments; and those that are set.
  double incidents = 0;
  std::vector<Incident> set_incidents;

  // So many requests are streams of about this length; whatever fails does so at once.
  double stream_share = 0;
  Seconds stream{60};
  bool fails_fast = false;

  // Answers are looked into and scored, too: lengths, costs, how soon they begin and how fast they go on (a quarter and
  // a hundredth of the latency), how relevant they are, and whether they make things up. The rest stays what it is
  // without.
  bool quality = false;
  double scored_share = 0.2;  // of the answers
  Seconds scored_after{120};  // their end
};

}  // namespace weir::analysis::sim
