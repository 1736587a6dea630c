#include "analysis/sim/population.h"

#include <algorithm>
#include <boost/random/poisson_distribution.hpp>
#include <cmath>
#include <numbers>

namespace weir::analysis::sim {
namespace {

// STATISTICS.md 6.0.
constexpr double kActivityOffset = 30;
constexpr double kActivityPower = -0.7;
constexpr double kHeavyShare = 0.03;
constexpr double kHeavyFactor = 20;
constexpr double kLightFactor = 40.0 / 97;  // so that the mean stays
constexpr double kUserLatency = 0.2;
constexpr double kUserTokens = 0.3;
constexpr double kUserScore = 0.05;
constexpr double kErrorSwing = 1.2;
constexpr double kLoadSwing = 0.6;
constexpr double kLoadLead_rad = 0.7;
constexpr double kLatencySwing = 0.25;
// Between two tries of a user whose request failed, on average.
constexpr double kRetryPause_s = 0.5;

std::vector<double> activity(std::uint32_t users) {
  std::vector<double> share(users);
  for (std::uint32_t i = 0; i < users; ++i) share[i] = std::pow(i + kActivityOffset, kActivityPower);
  return share;
}

bool later(const Request& a, const Request& b) { return a.at_s > b.at_s; }

}  // namespace

Population::Population(const Traffic& traffic, std::uint64_t seed)
    : traffic_(traffic), dice_(seed), quality_dice_(seed + 1), who_(activity(traffic.users)) {
  make_users();
  phase_ = 2 * std::numbers::pi * dice_.uniform();
  make_incidents();
  draw_next();
}

void Population::make_users() {
  users_.resize(traffic_.users);
  for (User& user : users_) {
    user.bucket_ppm = static_cast<std::uint32_t>(((dice_() >> 32) * kMillion) >> 32);
    user.hash = static_cast<std::uint32_t>(dice_() >> 44);
    user.cluster = static_cast<std::uint8_t>(dice_() >> 56);
    if (!traffic_.sticky) continue;
    user.error_factor = static_cast<float>(dice_.uniform() < kHeavyShare ? kHeavyFactor : kLightFactor);
    user.latency_log = static_cast<float>(kUserLatency * dice_.normal());
    user.tokens_log = static_cast<float>(kUserTokens * dice_.normal() - kUserTokens * kUserTokens / 2);
    user.score_shift = static_cast<float>(kUserScore * dice_.normal());
  }
}

void Population::make_incidents() {
  incidents_ = traffic_.set_incidents;
  if (traffic_.incidents <= 0) return;
  boost::random::poisson_distribution<int> number(traffic_.incidents);
  for (int left = number(dice_); left > 0; --left) incidents_.push_back({.from = dice_.uniform() * traffic_.span});
}

Climate Population::climate_at(double at_s) const {
  Climate now;
  const double span_s = traffic_.span.count();
  if (traffic_.drift) {
    const double turn = 2 * std::numbers::pi * at_s / span_s + phase_;
    now.load = 1 + kLoadSwing * std::sin(turn + kLoadLead_rad);
    now.error_factor = std::exp(kErrorSwing * std::sin(turn));
    now.latency_log = kLatencySwing * std::sin(turn);
  }
  if (traffic_.error_trend != 1) now.error_factor *= std::pow(traffic_.error_trend, std::min(1.0, at_s / span_s));
  for (const Incident& incident : incidents_) {
    const double into_s = at_s - incident.from.count();
    if (into_s >= 0 && into_s < incident.length.count()) now.error_factor *= incident.factor;
  }
  return now;
}

const Climate& Population::climate(double at_s) {
  const double second = std::floor(at_s);
  if (second != climate_second_) {
    climate_second_ = second;
    climate_ = climate_at(second);
  }
  return climate_;
}

void Population::draw_next() {
  next_.at_s += dice_.exponential() / (traffic_.rps * climate(next_.at_s).load);
  next_.user = who_(dice_);
  next_.id = dice_();
  next_.fate = dice_.uniform();
  next_.latency = dice_.normal();
  if (!traffic_.quality) return;
  const User& from = users_[next_.user];
  next_.tokens = std::min(kTokensCap, kTokens * std::exp(kTokensSpread * quality_dice_.normal() + from.tokens_log));
  next_.score = std::clamp(kScore + kScoreSpread * quality_dice_.normal() + from.score_shift, 0.0, 1.0);
  next_.truth = quality_dice_.uniform();
  next_.scored = quality_dice_.uniform() < traffic_.scored_share;
}

Request Population::take() {
  if (!retries_.empty() && retries_.front().at_s <= next_.at_s) {
    std::pop_heap(retries_.begin(), retries_.end(), later);
    const Request again = retries_.back();
    retries_.pop_back();
    return again;
  }
  const Request taken = next_;
  draw_next();
  return taken;
}

void Population::failed(const Request& request) {
  if (traffic_.storm_share <= 0 || request.doomed || dice_.uniform() >= traffic_.storm_share) return;
  Request again = request;
  again.doomed = true;
  const auto times = static_cast<int>(1 + traffic_.storm_length * dice_.exponential());
  for (int i = 0; i < times; ++i) {
    again.at_s += kRetryPause_s * dice_.exponential();
    again.id = dice_();
    again.latency = dice_.normal();  // its tokens stay, as 6.0 has it
    retries_.push_back(again);
    std::push_heap(retries_.begin(), retries_.end(), later);
  }
}

}  // namespace weir::analysis::sim
