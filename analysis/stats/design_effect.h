// Pure functions. How many requests of the same users count as one: STATISTICS.md 4.7.
//
// The problem: a user who meets a bug meets it again and again, so failures come in clumps, and evidence that counts
// each request as independent is false by orders of magnitude. Users are hashed into 256 clusters; how much more the
// clusters differ than chance explains says by how much the evidence has to be divided.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::analysis {

// One arm of a metric, in one cluster, since the rollout began.
struct ClusterCount {
  std::uint64_t n = 0;
  std::uint64_t x = 0;  // bad events; of a mean, the sum of its values in units of 10^-4 (value_sums.h)
};

// Sums over an arm's clusters, from which its spread follows. They are exact, so that they may be kept while counts
// come in, in whatever order, instead of being summed anew in every tick.
struct ClusterSums {
  // A product of two counts, of which there may be 2^64.
  __extension__ using Product = unsigned __int128;

  std::uint64_t n = 0;
  std::uint64_t x = 0;
  Product nn = 0;  // n_g^2
  Product nx = 0;  // n_g x_g
  Product xx = 0;  // x_g^2

  // A cluster's counts grow. A tick of a busy rollout asks for it hundreds of times.
  void add(const ClusterCount& before, const ClusterCount& more) {
    const ClusterCount after{before.n + more.n, before.x + more.x};
    n += more.n;
    nn += Product{more.n} * before.n + Product{more.n} * after.n;
    nx += Product{more.n} * before.x;
    if (more.x == 0) return;  // nothing bad, as almost always
    x += more.x;
    nx += Product{more.x} * after.n;
    xx += Product{more.x} * before.x + Product{more.x} * after.x;
  }
};
ClusterSums sums_of(std::span<const ClusterCount> clusters);

// One arm's spread over its clusters.
struct Spread {
  double n = 0;
  double between = 0;             // D
  double within = 0;              // M
  double effective_clusters = 0;  // Geff
  double prior_mass = 0;          // k, when this is the baseline's
};
// `clusters` is G.
Spread spread(const ClusterSums& sums, std::size_t clusters);
// Of a mean; `s2` is the arm's sum of squared values over all clusters, in units of 10^-8.
Spread mean_spread(const ClusterSums& sums, std::size_t clusters, std::uint64_t s2);
// Likewise, of clusters that are summed now.
inline Spread spread(std::span<const ClusterCount> clusters) { return spread(sums_of(clusters), clusters.size()); }
inline Spread mean_spread(std::span<const ClusterCount> clusters, std::uint64_t s2) {
  return mean_spread(sums_of(clusters), clusters.size(), s2);
}

struct DesignEffect {
  double phi = 1;
  double few = 1;
  double divisor = 1;          // phi_div, of the rollback side
  double advance_divisor = 1;  // phi_div_adv
};

// `factor` is the margin's a, `clusters` is G. Whether the candidate has failed totally is the caller's to know.
DesignEffect design_effect(const Spread& baseline, const Spread& candidate, double factor, std::size_t clusters);

// phi_div of one arm alone, for a test that has no other. 1 for an empty arm.
double own_divisor(const Spread& arm, std::size_t clusters);

// Approximates (t quantile / z quantile)^2 at z^2 = 14 for so many effective clusters.
double few_clusters(double effective_clusters);

}  // namespace weir::analysis
