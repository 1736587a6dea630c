// Immutable values and pure functions. What copies of requests have shown of a candidate over a whole attempt: its answers
// beside the baseline's to the same requests. No test, and nothing is decided by it: people read it.
//
// Each request is its own comparison, so what requests differ by among themselves is not in it. Ratios are of the two
// good answers to one request, candidate over baseline, and counted on a scale of quarter octaves: a quantile is known to
// within 9 %.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/comparison.h"
#include "base/json.h"
#include "config/rollout.h"

namespace weir::analysis {

inline constexpr int kRatioBucketsPerOctave = 4;
inline constexpr int kRatioOctaves = 8;  // either way; what is beyond is counted at the end
inline constexpr std::size_t kRatioBuckets = 2 * kRatioOctaves * kRatioBucketsPerOctave + 1;
std::size_t ratio_bucket(double ratio);
// The middle of the bucket that it lies in; nothing without any.
std::optional<double> ratio_quantile(std::span<const std::uint64_t> buckets, double q);

// Integers that only add up, in whichever order comparisons come together. Their places are those of the state file:
// append only.
class ShadowTally {
 public:
  static constexpr std::size_t kLikenessAt = std::size_t{kOutcomeClassCount} * kOutcomeClassCount;
  static constexpr std::size_t kJsonAt = kLikenessAt + kLikenessCount;
  static constexpr std::size_t kDurationAt = kJsonAt + 2;
  static constexpr std::size_t kLengthAt = kDurationAt + kRatioBuckets;
  static constexpr std::size_t kOpinionAt = kLengthAt + kRatioBuckets;
  static constexpr std::size_t kSize = kOpinionAt + kOpinionCount;

  void add(const Comparison& comparison);
  void add_at(std::size_t place, std::uint64_t count);

  std::uint64_t compared() const;
  std::uint64_t outcomes(OutcomeClass baseline, OutcomeClass candidate) const;
  std::uint64_t alike(Likeness likeness) const { return at(kLikenessAt + static_cast<std::size_t>(likeness)); }
  // Good answers to both of which the baseline's was JSON, and of these where the candidate's was not.
  std::uint64_t json() const { return at(kJsonAt); }
  std::uint64_t json_invalid() const { return at(kJsonAt + 1); }
  std::uint64_t thought(Opinion opinion) const { return at(kOpinionAt + static_cast<std::size_t>(opinion)); }
  std::span<const std::uint64_t> durations() const { return part(kDurationAt); }
  std::span<const std::uint64_t> lengths() const { return part(kLengthAt); }

  // None until the first comparison, then kSize.
  std::vector<std::uint64_t> counts;

 private:
  std::uint64_t at(std::size_t place) const { return counts.empty() ? 0 : counts[place]; }
  std::span<const std::uint64_t> part(std::size_t begin) const {
    return counts.empty() ? std::span<const std::uint64_t>() : std::span(counts).subspan(begin, kRatioBuckets);
  }
};

void add_comparisons(ShadowTally& tally, std::span<const Comparison> compared);

// As status and history have it; null where the plan copies nothing, and nothing has been compared.
json::Value shadow_json(const ShadowTally& tally, const config::Rollout& policy);

// As the state file has it: places and what they hold.
json::Array write_shadow(const ShadowTally& tally);
ShadowTally read_shadow(const json::Value& counts);

}  // namespace weir::analysis
