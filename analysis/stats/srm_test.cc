#include "analysis/stats/srm_test.h"

#include <math.h>

#include <algorithm>
#include <cmath>

namespace weir::analysis {
namespace {

constexpr double kConcentration = 100;  // of the mixture: as many users as it takes to learn the share

// std::lgamma writes a global.
double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

double log_of_one(double users, double share) {
  return log_gamma(kConcentration * share + users) - log_gamma(kConcentration * share) - users * std::log(share);
}

}  // namespace

double split_evidence(double candidate_users, double baseline_users, double w) {
  return log_gamma(kConcentration) - log_gamma(kConcentration + candidate_users + baseline_users) +
         log_of_one(candidate_users, w) + log_of_one(baseline_users, 1 - w);
}

void SrmTest::begin_step(double weight) {
  state_.log_past = log_add(state_.log_past, state_.log_step);
  state_.weight = weight;
  if (weight > 0 && weight < 1) ++state_.steps;
  forget_users();
}

void SrmTest::end_tick() {
  if (!counts()) return;
  const UserBitmap& baseline = users(Arm::kBaseline);
  const UserBitmap& candidate = users(Arm::kCandidate);
  state_.users = {baseline.users(), candidate.users()};
  state_.log_step = split_evidence(state_.users[1], state_.users[0], state_.weight);
  const double log_mean = log_add(state_.log_past, state_.log_step) - std::log(static_cast<double>(steps_));
  if (log_mean > state_.log_most) {
    state_.log_most = log_mean;
    state_.most_weight = state_.weight;
    state_.most_users = state_.users;
  }
  state_.frozen = baseline.population() > kBaselineShare * UserBitmap::kBits ||
                  candidate.population() > kCandidateShare * UserBitmap::kBits;
}

void SrmTest::restart() {
  State anew;
  anew.weight = state_.weight;
  anew.steps = 1;
  state_ = anew;
  forget_users();
}

bool SrmTest::alarm() const { return state_.log_most > std::log(kAlarmEvidence); }

void SrmTest::forget_users() {
  state_.frozen = false;
  state_.log_step = kLogZero;
  state_.users = {};
  for (UserBitmap& users : users_) users.clear();
}

}  // namespace weir::analysis
