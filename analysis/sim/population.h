// Confined to one thread. Who sends what and when: a stream of requests that depends on the seed alone, not on how it
// is cut into ticks nor on which version answers. Only a retried failure makes it depend on what failed.
#pragma once

#include <algorithm>
#include <boost/random/discrete_distribution.hpp>
#include <cstdint>
#include <vector>

#include "analysis/sim/dice.h"
#include "analysis/sim/traffic.h"
#include "base/ids.h"

namespace weir::analysis::sim {

struct User {
  std::uint32_t bucket_ppm = 0;  // on the candidate iff below the weight
  std::uint32_t hash = 0;        // Outcome::user_hash
  std::uint8_t cluster = 0;
  float error_factor = 1;
  float latency_log = 0;
  float tokens_log = 0;
  float score_shift = 0;
};

// What is known of a request before it is answered: its draws decide what each version would make of it.
struct Request {
  double at_s = 0;  // of the world's time
  std::uint32_t user = 0;
  std::uint64_t id = 0;  // uniform bits
  double fate = 0;       // uniform: how it ends
  double latency = 0;    // standard normal
  bool doomed = false;   // a failure tried again
  // With Traffic::quality, of the baseline's answer; the score is in [0, 1], higher is better.
  double tokens = 0;
  double score = 0;
  double truth = 1;     // uniform: below a rate of hallucinations, it is one
  bool scored = false;  // somebody will say what they think of it

  // Uniform in [0, 1): what kind of input it is.
  double input() const { return static_cast<double>(id >> 40) * 0x1.0p-24; }
};

// How the world differs at a moment from what Traffic says.
struct Climate {
  double load = 1;
  double error_factor = 1;
  double latency_log = 0;
};

// The baseline's answers (STATISTICS.md 6.0): logarithms of latencies and tokens, and scores, are normal.
inline constexpr double kLatencySpread = 0.6;
inline constexpr double kTokens = 250;
inline constexpr double kTokensSpread = 0.8;
inline constexpr double kTokensCap = 4'096;
inline constexpr double kScore = 0.8;
inline constexpr double kScoreSpread = 0.15;
inline constexpr double kHallucinationRate = 0.02;

class Population {
 public:
  Population(const Traffic& traffic, std::uint64_t seed);

  // When the next request comes; take() gives it. Never falls.
  double next_at() const { return retries_.empty() ? next_.at_s : std::min(next_.at_s, retries_.front().at_s); }
  Request take();
  // The last one taken failed: its user may try again.
  void failed(const Request& request);

  const User& user(std::uint32_t index) const { return users_[index]; }
  // Of the second that the moment is in.
  const Climate& climate(double at_s);

 private:
  void make_users();
  void make_incidents();
  void draw_next();
  Climate climate_at(double at_s) const;

  Traffic traffic_;
  Dice dice_;
  Dice quality_dice_;
  boost::random::discrete_distribution<std::uint32_t> who_;
  std::vector<User> users_;
  std::vector<Incident> incidents_;
  double phase_ = 0;
  Request next_;
  std::vector<Request> retries_;  // a heap, the earliest in front
  Climate climate_;
  double climate_second_ = -1;
};

}  // namespace weir::analysis::sim
