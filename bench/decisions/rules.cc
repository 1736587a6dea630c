#include "bench/decisions/rules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace weir::bench {
namespace {

constexpr double kZ99 = 2.3263478740408408;  // one-sided 1 %, and two-sided 2 %
constexpr std::int64_t kMinute_s = 60;
constexpr std::int64_t kHour_s = 3'600;
constexpr double kNominalP99_s = 0.2 * 4.0381;  // of the population: exp(0.6 x 2.326)
constexpr double kLeastForZ = 30;               // candidate requests

double p99(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(0.99 * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

// Pooled one-sided z on error rates.
class ZTest {
 public:
  void add(const Seen& seen) {
    const auto arm = static_cast<std::size_t>(seen.arm);
    n_[arm] += 1;
    x_[arm] += seen.failed ? 1 : 0;
  }
  bool worse() const {
    if (n_[1] < kLeastForZ || n_[0] < 1) return false;
    const double pooled = (x_[0] + x_[1]) / (n_[0] + n_[1]);
    const double variance = pooled * (1 - pooled) * (1 / n_[0] + 1 / n_[1]);
    return variance > 0 && (x_[1] / n_[1] - x_[0] / n_[0]) / std::sqrt(variance) > kZ99;
  }

 private:
  std::array<double, kArmCount> n_{}, x_{};
};

// A z-test at 1 %, looked at every second as if each look were the only one.
class Naive final : public Rule {
 public:
  std::string_view name() const override { return "naive"; }
  void add(const Seen& seen) override { test_.add(seen); }
  bool at_second(std::int64_t) override { return test_.worse(); }

 private:
  ZTest test_;
};

// The same, looked at once.
class FixedLook final : public Rule {
 public:
  explicit FixedLook(std::int64_t look_s) : look_s_(look_s) {}
  std::string_view name() const override { return "fixed"; }
  void add(const Seen& seen) override { test_.add(seen); }
  bool at_second(std::int64_t second) override { return second == look_s_ && test_.worse(); }

 private:
  std::int64_t look_s_;
  ZTest test_;
};

// A minute of the candidate alone, as a scraped metric shows it.
class MinuteRule : public Rule {
 public:
  void add(const Seen& seen) final {
    if (seen.arm != Arm::kCandidate) return;
    ++n_;
    failed_ += seen.failed ? 1 : 0;
    latencies_.push_back(seen.latency_s);
  }
  bool at_second(std::int64_t second) final {
    if (second % kMinute_s != 0) return false;
    const bool seen = n_ > 0;
    const double success = seen ? 1 - static_cast<double>(failed_) / static_cast<double>(n_) : 1;
    failures_ += seen && fails(success, p99(latencies_)) ? 1 : 0;
    n_ = failed_ = 0;
    latencies_.clear();
    return failures_ >= limit();
  }

 private:
  virtual bool fails(double success, double p99_s) const = 0;
  virtual int limit() const = 0;

  std::int64_t n_ = 0, failed_ = 0;
  int failures_ = 0;
  std::vector<double> latencies_;
};

// successCondition on the success rate; more than three failed measurements.
class Argo final : public MinuteRule {
 public:
  Argo(std::string_view name, double least) : name_(name), least_(least) {}
  std::string_view name() const override { return name_; }

 private:
  bool fails(double success, double) const override { return success < least_; }
  int limit() const override { return 4; }

  std::string_view name_;
  double least_;
};

// request-success-rate at 99 %, request-duration at twice the nominal p99; five failed checks.
class Flagger final : public MinuteRule {
 public:
  std::string_view name() const override { return "flagger"; }

 private:
  bool fails(double success, double p99_s) const override { return success < 0.99 || p99_s > 2 * kNominalP99_s; }
  int limit() const override { return 5; }
};

// Points a minute of the error rate and of p99, against as many users of the baseline; judged every hour on all so far.
class Kayenta final : public Rule {
 public:
  std::string_view name() const override { return "kayenta"; }
  void add(const Seen& seen) override {
    if (seen.arm == Arm::kBaseline && !seen.slice) return;
    Minute& minute = minute_[static_cast<std::size_t>(seen.arm)];
    minute.failed += seen.failed ? 1 : 0;
    minute.latencies.push_back(seen.latency_s);
  }
  bool at_second(std::int64_t second) override {
    if (second % kMinute_s != 0 || second == 0) return false;
    for (std::size_t arm = 0; arm < minute_.size(); ++arm) {
      Minute& minute = minute_[arm];
      if (!minute.latencies.empty()) {
        errors_[arm].push_back(minute.failed / static_cast<double>(minute.latencies.size()));
        p99s_[arm].push_back(p99(minute.latencies));
      }
      minute = {};
    }
    if (second % kHour_s != 0) return false;
    return kayenta_high(errors_[0], errors_[1]) || kayenta_high(p99s_[0], p99s_[1]);
  }

 private:
  struct Minute {
    double failed = 0;
    std::vector<double> latencies;
  };
  std::array<Minute, kArmCount> minute_;
  std::array<std::vector<double>, kArmCount> errors_, p99s_;
};

// The correction of the variance for ties.
double tied(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  double sum = 0;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t j = i;
    while (j < all.size() && all[j] == all[i]) ++j;
    const auto t = static_cast<double>(j - i);
    sum += t * t * t - t;
    i = j;
  }
  return sum;
}

}  // namespace

bool kayenta_high(std::vector<double> control, std::vector<double> experiment) {
  if (control.size() < 2 || experiment.size() < 2) return false;
  std::vector<double> shifts;
  for (const double e : experiment) {
    for (const double c : control) shifts.push_back(e - c);
  }
  std::sort(shifts.begin(), shifts.end());
  const auto m = static_cast<double>(control.size()), n = static_cast<double>(experiment.size());
  std::vector<double> all = std::move(control);
  all.insert(all.end(), experiment.begin(), experiment.end());
  const double total = m + n;
  const double variance = m * n / 12 * (total + 1 - tied(std::move(all)) / (total * (total - 1)));
  // The order statistic below which a two-sided test would reject, with the correction for continuity.
  const double rank = m * n / 2 - 0.5 - kZ99 * std::sqrt(std::max(0.0, variance));
  if (rank < 0) return false;
  const double lower = shifts[static_cast<std::size_t>(rank)];
  const double estimate = shifts[shifts.size() / 2];
  return lower > 0.25 * std::abs(estimate);
}

std::vector<std::unique_ptr<Rule>> make_rules(const RuleOptions& options) {
  std::vector<std::unique_ptr<Rule>> rules;
  rules.push_back(std::make_unique<Argo>("argo95", 0.95));
  rules.push_back(std::make_unique<Argo>("argo99", 0.99));
  rules.push_back(std::make_unique<Flagger>());
  rules.push_back(std::make_unique<Kayenta>());
  rules.push_back(std::make_unique<Naive>());
  rules.push_back(std::make_unique<FixedLook>(options.fixed_look_s));
  return rules;
}

}  // namespace weir::bench
