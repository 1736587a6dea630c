// Confined to the control thread. What the analyzer needs of the world: where outcomes come from, where weights go to,
// where decisions are kept. app/ fills the ports with the proxy and the state file; tests and simulations with
// something else.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "analysis/window/tick.h"
#include "base/traffic_plan.h"

namespace weir::analysis {

// The same rollout is the same four words (PRODUCT.md section 2).
struct RolloutKey {
  std::string service;
  std::string baseline;
  std::string candidate;
  std::string revision;

  auto operator<=>(const RolloutKey&) const = default;
};

class MetricSource {
 public:
  virtual ~MetricSource() = default;
  // Folds every outcome that has come since the last call.
  virtual void collect(Tick& into) = 0;
};

class TrafficControl {
 public:
  virtual ~TrafficControl() = default;
  // Idempotent; a plan whose number is not above the last one's is ignored.
  virtual void apply(std::shared_ptr<const TrafficPlan> plan) = 0;
};

// Rises with each append; 0 is durable from the start.
using Ticket = std::uint64_t;

// Written whole or not at all.
struct StateWrite {
  RolloutKey key;        // without a service: no rollout's; without a record too: proves()
  std::string state;     // JSON: what the rollout is
  std::string evidence;  // what its judge knows; empty: none
  std::string record;    // JSON: what was decided; empty: the state is saved between decisions
  bool closes = false;   // nobody may be sent to the candidate from here on, be it written or not

  // Says only that the disk takes a write, and that all before it is what is known of the past.
  bool proves() const { return key.service.empty() && record.empty(); }
};

struct StoreHealth {
  bool writable = true;
  std::string problem;         // for people; empty when writable
  std::uint64_t pending = 0;   // writes that are not durable yet
  std::uint64_t failures = 0;  // tries that failed, ever
  // There are rollbacks of which the next start would know nothing.
  bool forgets_rollbacks = false;
  std::string notice = {};  // what else happened to the file, the last of it; for people
};

class StateStore {
 public:
  virtual ~StateStore() = default;
  // Never waits for a disk. A save that still waits is replaced by the same rollout's next one.
  virtual Ticket append(StateWrite write) = 0;
  // Takes back what is not durable yet. What is being written just now may still become so; the next write undoes it.
  // False: too late, it is durable.
  virtual bool discard(Ticket ticket) = 0;
  // Every write up to this ticket is durable, replaced or discarded.
  virtual Ticket durable_through() const = 0;
  virtual StoreHealth health() const = 0;
};

// What a store had of a rollout when it was opened.
struct StoredRollout {
  RolloutKey key;
  std::string state;
  std::string evidence;
  bool closed = false;  // it was rolled back after that, and the store could not take it
};

}  // namespace weir::analysis
