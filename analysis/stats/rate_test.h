// Pure functions, and one accumulator that is confined to one thread. Is the candidate's rate of bad events acceptable,
// that is at most a times the baseline's plus d? STATISTICS.md 4.2 and 4.3.
//
// The problem: one looks at the numbers ten times a second and stops at the first alarm, so an ordinary test at 1 %
// would raise a false one sooner or later. Evidence is therefore a test martingale: under any true rates that are
// acceptable, the expected factor of a tick is at most 1, so it passes 1/alpha with probability alpha at most, however
// often one looks (Ville). The baseline's rate may drift: each tick compares both arms over the same seconds, by the
// likelihood of a harmful alternative against the nearest acceptable rates (the projection).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "analysis/stats/mixture.h"

namespace weir::analysis {

// Acceptable: candidate <= factor * baseline + absolute.
struct Margin {
  double factor = 1;    // a
  double absolute = 0;  // d, a share of requests
};

// One tick of one metric, both arms over the same time.
struct TickRates {
  std::uint64_t baseline_n = 0;
  std::uint64_t baseline_x = 0;
  std::uint64_t candidate_n = 0;
  std::uint64_t candidate_x = 0;
};

// pb*: what the baseline's rate was before the tick, with the prior of 4.0.
double baseline_rate(double x, double n);
// w*: the candidate's share of observations before the tick, with 200 pseudo-observations at the nominal weight.
double allocation(double candidate_n, double n, double nominal_weight);

struct Rates {
  double baseline = 0;   // pb*, or p0
  double candidate = 0;  // pc*, or q0'
};

// p0 and a p0 + d: the acceptable rates that are hardest to tell from `alternative` at allocation `w`.
Rates project(const Rates& alternative, double w, const Margin& margin);

// What each kind of observation adds to the logarithm of the evidence.
struct Coefficients {
  double candidate_bad = 0;   // c1
  double candidate_good = 0;  // c0
  double baseline_bad = 0;    // b1
  double baseline_good = 0;   // b0

  double increment(const TickRates& tick) const;
};
Coefficients coefficients(const Rates& alternative, double w, const Margin& margin);

// The alternative whose odds of a bad event are `kappa` times those at the margin's edge.
double alternative_rate(double edge, double kappa);

// What is known before a tick, and weighs it.
struct Predicted {
  double baseline_rate = 0;  // pb*
  double allocation = 0;     // w*
  double divisor = 1;        // phi_div (4.7): how many observations count as one
};

enum class TestSide : std::uint8_t {
  kRollback,  // evidence that the candidate is not acceptable
  kAdvance,   // evidence that it is
};
// Where each alternative's wealth begins: the rollback side waits to be injected.
constexpr double log_start(TestSide side) { return side == TestSide::kRollback ? kLogZero : 0; }

// The grid of a side, without its healthy point: odds of a bad event relative to those at the margin's edge.
std::span<const double> odds_grid(TestSide side);
// The grid's alternatives. The advance side has one more than odds: a candidate as good as the baseline, without which
// a guard with a small margin never lets a healthy candidate go on.
std::size_t alternative_count(TestSide side);
// The candidate's rate by the j-th alternative. Meaningful where the margin's edge lies between 0 and 1.
double alternative(TestSide side, std::size_t j, double baseline_rate, const Margin& margin);

// When the coefficients of the alternatives are computed. To compute them takes fifty times as long as to use them.
enum class Refresh : std::uint8_t {
  kEveryTick,
  kWhenMoved,  // when pb* or w* has moved by 1 % since; what was predicted earlier is predicted as well (4.3)
};

// The coefficients of a side's alternatives, kept for as long as what they were computed from has hardly moved. Of two
// steps, for requests of the one before still end; their w* differ.
class CoefficientCache {
 public:
  static constexpr std::size_t kKept = 2;
  static constexpr std::size_t kMostAlternatives = 10;

  // What coefficients were computed from. Without a rate: from nothing yet.
  struct Origin {
    Margin margin;
    double baseline_rate = 0;
    double allocation = 0;
  };
  using Grid = std::array<Coefficients, kMostAlternatives>;

  CoefficientCache(TestSide side, Refresh refresh) : side_(side), refresh_(refresh) {}

  const Grid& of(const Origin& wanted);

  // For saving and restoring: the origins say all, the last used first.
  std::array<Origin, kKept> origins() const;
  void restore(const std::array<Origin, kKept>& origins);

 private:
  struct Entry {
    Origin origin;
    Grid grid;
  };
  void compute(Entry& entry, const Origin& origin);

  TestSide side_;
  Refresh refresh_;
  std::size_t last_ = 0;
  std::array<Entry, kKept> entries_;
};

// The evidence of one metric toward one side.
class RateTest {
 public:
  explicit RateTest(TestSide side, Refresh refresh = Refresh::kEveryTick);

  // Adds exp(log_gamma) to every alternative, for a change that may begin now (4.2 "Restarts").
  void inject(double log_gamma) { mixture_.inject(log_gamma); }
  // The advance side at a step's start: every alternative begins at one. The rollback side: at nothing.
  void restart() { mixture_.restart(); }
  void add(const TickRates& tick, const Margin& margin, const Predicted& predicted);

  double log_evidence() const { return mixture_.log_evidence(); }

  std::span<const double> state() const { return mixture_.state(); }
  void set_state(std::span<const double> state) { mixture_.set_state(state); }
  CoefficientCache& cache() { return cache_; }
  const CoefficientCache& cache() const { return cache_; }

 private:
  CoefficientCache cache_;
  Mixture mixture_;
};

}  // namespace weir::analysis
