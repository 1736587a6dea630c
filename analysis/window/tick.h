// Confined to one thread. Folds outcome records into the counts of one tick. Memory follows the rollouts that have
// traffic in a tick, not those that exist; after warming up, folding allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "analysis/window/tick_counts.h"
#include "base/answer.h"
#include "base/comparison.h"
#include "base/outcome.h"
#include "base/score.h"

namespace weir::analysis {

class Tick {
 public:
  Tick() = default;
  Tick(const Tick&) = delete;
  Tick& operator=(const Tick&) = delete;

  // Of requests that no split has assigned only what budgets count comes in, and of overridden ones nothing: they are
  // never evidence, nor the version's usual traffic.
  void fold(const Outcome& outcome);

  // What was looked into; the request has an outcome besides.
  void fold(const Answer& answer);
  // What was thought of an answer. Nothing comes of a score whose request was no evidence.
  void fold(const Score& score);

  // What a copy of a request has shown; it has no outcome.
  void fold(const Comparison& comparison);

  // Whose failure it was; to be folded after the records.
  void fold(const FailedRequest& failed);

  // The services that had records, in the order of their first one.
  std::span<const ServiceCounts> services() const { return {services_.data(), used_}; }
  // Null when the service had no record.
  const ServiceCounts* of(ServiceId service) const;
  // So many records never came here; nobody knows whose they were.
  void lose(std::uint64_t records) { malformed_ += records; }
  // What belongs to nobody: records that were lost, and those without a service or a version.
  std::uint64_t malformed() const { return malformed_; }

  void clear();

 private:
  void fold_kept(const Outcome& outcome);
  ServiceCounts& service(ServiceId id);
  // Null, and counted as malformed: the arm has shown another version in this step.
  ArmCounts* arm(const Attribution& of);
  StepCounts& step(ServiceCounts& of, Epoch epoch, StepId id);
  OutsideCounts& outside(ServiceCounts& of, VersionId id);

  std::vector<std::uint32_t> place_;  // by ServiceId: 1 + index in services_; 0: no record
  std::vector<ServiceCounts> services_;
  std::size_t used_ = 0;
  // Cleared counts that wait for the next tick; as many as were ever in use at once.
  std::vector<std::unique_ptr<StepCounts>> steps_;
  std::vector<std::unique_ptr<OutsideCounts>> outside_;
  std::size_t steps_used_ = 0;
  std::size_t outside_used_ = 0;
  std::uint64_t malformed_ = 0;
};

}  // namespace weir::analysis
