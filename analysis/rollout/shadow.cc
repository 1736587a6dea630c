#include "analysis/rollout/shadow.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "analysis/judge/words.h"

namespace weir::analysis {
namespace {

constexpr int kMiddle = kRatioOctaves * kRatioBucketsPerOctave;

// What either side had to itself.
struct Sides {
  std::uint64_t agree = 0;  // the same class
  std::uint64_t both_ok = 0;
  std::uint64_t candidate_alone_failed = 0;
  std::uint64_t baseline_alone_failed = 0;
};

template <class Visit>
void each_outcome(const ShadowTally& tally, const Visit& visit) {
  for (int b = 0; b < kOutcomeClassCount; ++b) {
    for (int c = 0; c < kOutcomeClassCount; ++c) {
      const auto baseline = static_cast<OutcomeClass>(b);
      const auto candidate = static_cast<OutcomeClass>(c);
      const std::uint64_t requests = tally.outcomes(baseline, candidate);
      if (requests > 0) visit(baseline, candidate, requests);
    }
  }
}

Sides sides_of(const ShadowTally& tally) {
  Sides sides;
  each_outcome(tally, [&](OutcomeClass baseline, OutcomeClass candidate, std::uint64_t n) {
    const bool good = baseline == OutcomeClass::kOk;
    const bool copy_good = candidate == OutcomeClass::kOk;
    if (baseline == candidate) sides.agree += n;
    if (good && copy_good) sides.both_ok += n;
    if (good && !copy_good) sides.candidate_alone_failed += n;
    if (!good && copy_good) sides.baseline_alone_failed += n;
  });
  return sides;
}

std::string in_digits(const char* format, double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string counted(std::uint64_t n) { return with_commas(static_cast<double>(n)); }

std::string part_of(std::uint64_t part, std::uint64_t whole) {
  return in_digits("%.3g%%", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

json::Value ratios_json(std::span<const std::uint64_t> buckets) {
  json::Object out;
  for (const auto& [name, q] : {std::pair{"p10", 0.1}, std::pair{"p50", 0.5}, std::pair{"p90", 0.9}}) {
    const std::optional<double> ratio = ratio_quantile(buckets, q);
    out.set(name, ratio ? json::Value(*ratio) : json::Value());
  }
  return out;
}

std::string ratio_words(std::span<const std::uint64_t> buckets, std::string_view what) {
  const std::optional<double> middle = ratio_quantile(buckets, 0.5);
  if (!middle) return {};
  return "; " + std::string(what) + " ×" + in_digits("%.2g", *middle) + ", in eight of ten ×" +
         in_digits("%.2g", *ratio_quantile(buckets, 0.1)) + " to ×" + in_digits("%.2g", *ratio_quantile(buckets, 0.9));
}

std::uint64_t judged(const ShadowTally& tally) {
  return tally.thought(Opinion::kBaselineBetter) + tally.thought(Opinion::kTie) +
         tally.thought(Opinion::kCandidateBetter);
}

std::string judged_words(const ShadowTally& tally, const config::Rollout& policy) {
  if (judged(tally) == 0) return {};
  return "; judged " + counted(judged(tally)) + ": " + policy.candidate + " better in " +
         counted(tally.thought(Opinion::kCandidateBetter)) + ", " + policy.baseline + " in " +
         counted(tally.thought(Opinion::kBaselineBetter));
}

std::string shadow_words(const ShadowTally& tally, const config::Rollout& policy) {
  const std::uint64_t compared = tally.compared();
  if (compared == 0) return "nothing is compared yet";
  const Sides sides = sides_of(tally);
  std::string text = counted(compared) + " compared: " + counted(sides.both_ok) + " good from both, " +
                     counted(sides.candidate_alone_failed) + " from " + policy.baseline + " alone, " +
                     counted(sides.baseline_alone_failed) + " from " + policy.candidate + " alone";
  if (sides.both_ok > 0) {
    const std::uint64_t identical = tally.alike(Likeness::kIdentical);
    text += "; equal " + part_of(identical + tally.alike(Likeness::kEqual), sides.both_ok) + ", to the byte " +
            part_of(identical, sides.both_ok);
  }
  if (tally.json_invalid() > 0) {
    text += "; no JSON where there should be some: " + counted(tally.json_invalid()) + " of " + counted(tally.json());
  }
  return text + ratio_words(tally.durations(), "time") + ratio_words(tally.lengths(), "length") +
         judged_words(tally, policy);
}

}  // namespace

std::size_t ratio_bucket(double ratio) {
  const double place = ratio > 0 ? std::round(std::log2(ratio) * kRatioBucketsPerOctave) : -kMiddle;
  const double held = std::clamp(place, -static_cast<double>(kMiddle), static_cast<double>(kMiddle));
  return static_cast<std::size_t>(static_cast<int>(held) + kMiddle);
}

std::optional<double> ratio_quantile(std::span<const std::uint64_t> buckets, double q) {
  const std::uint64_t all = std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
  if (all == 0) return {};
  const double wanted = q * static_cast<double>(all);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  for (; bucket + 1 < buckets.size(); ++bucket) {
    seen += buckets[bucket];
    if (seen > 0 && static_cast<double>(seen) >= wanted) break;
  }
  return std::exp2((static_cast<double>(bucket) - kMiddle) / kRatioBucketsPerOctave);
}

void ShadowTally::add_at(std::size_t place, std::uint64_t count) {
  if (counts.empty()) counts.resize(kSize);
  if (place < kSize) counts[place] += count;
}

void ShadowTally::add(const Comparison& comparison) {
  if (comparison.opinion != Opinion::kNone) return add_at(kOpinionAt + static_cast<std::size_t>(comparison.opinion), 1);
  const auto& [baseline, candidate] = comparison.sides;
  add_at(static_cast<std::size_t>(baseline.outcome) * kOutcomeClassCount + static_cast<std::size_t>(candidate.outcome),
         1);
  add_at(kLikenessAt + static_cast<std::size_t>(comparison.likeness), 1);
  if (baseline.outcome != OutcomeClass::kOk || candidate.outcome != OutcomeClass::kOk) return;
  if (baseline.json == JsonForm::kValid) {
    add_at(kJsonAt, 1);
    if (candidate.json != JsonForm::kValid) add_at(kJsonAt + 1, 1);
  }
  const auto ratio = [](std::uint64_t b, std::uint64_t c) { return static_cast<double>(c) / static_cast<double>(b); };
  if (baseline.duration_us > 0) add_at(kDurationAt + ratio_bucket(ratio(baseline.duration_us, candidate.duration_us)), 1);
  if (baseline.bytes > 0) add_at(kLengthAt + ratio_bucket(ratio(baseline.bytes, candidate.bytes)), 1);
}

std::uint64_t ShadowTally::compared() const {
  std::uint64_t sum = 0;
  for (int i = 0; i < kLikenessCount; ++i) sum += alike(static_cast<Likeness>(i));
  return sum;
}

std::uint64_t ShadowTally::outcomes(OutcomeClass baseline, OutcomeClass candidate) const {
  return at(static_cast<std::size_t>(baseline) * kOutcomeClassCount + static_cast<std::size_t>(candidate));
}

void add_comparisons(ShadowTally& tally, std::span<const Comparison> compared) {
  for (const Comparison& comparison : compared) tally.add(comparison);
}

json::Value shadow_json(const ShadowTally& tally, const config::Rollout& policy) {
  if (!policy.mirrors() && tally.compared() == 0) return {};
  const Sides sides = sides_of(tally);
  json::Array outcomes;
  each_outcome(tally, [&](OutcomeClass baseline, OutcomeClass candidate, std::uint64_t requests) {
    outcomes.push_back(json::Object{
        {"baseline", to_string(baseline)}, {"candidate", to_string(candidate)}, {"requests", requests}});
  });
  return json::Object{{"compared", tally.compared()},
                      {"same_outcome", sides.agree},
                      {"both_ok", sides.both_ok},
                      {"candidate_alone_failed", sides.candidate_alone_failed},
                      {"baseline_alone_failed", sides.baseline_alone_failed},
                      {"outcomes", std::move(outcomes)},
                      {"identical", tally.alike(Likeness::kIdentical)},
                      {"equal", tally.alike(Likeness::kEqual)},
                      {"different", tally.alike(Likeness::kDifferent)},
                      {"json", tally.json()},
                      {"json_invalid", tally.json_invalid()},
                      {"duration_ratio", ratios_json(tally.durations())},
                      {"length_ratio", ratios_json(tally.lengths())},
                      {"judged", json::Object{{"candidate_better", tally.thought(Opinion::kCandidateBetter)},
                                              {"tie", tally.thought(Opinion::kTie)},
                                              {"baseline_better", tally.thought(Opinion::kBaselineBetter)}}},
                      {"says", shadow_words(tally, policy)}};
}

json::Array write_shadow(const ShadowTally& tally) {
  json::Array list;
  for (std::size_t i = 0; i < tally.counts.size(); ++i) {
    if (tally.counts[i] > 0) list.emplace_back(json::Array{i, tally.counts[i]});
  }
  return list;
}

ShadowTally read_shadow(const json::Value& counts) {
  ShadowTally tally;
  for (const json::Value& entry : counts.array()) {
    const json::Array& pair = entry.array();
    if (pair.size() != 2) continue;
    tally.add_at(static_cast<std::size_t>(pair[0].integer()), static_cast<std::uint64_t>(pair[1].integer()));
  }
  return tally;
}

}  // namespace weir::analysis
