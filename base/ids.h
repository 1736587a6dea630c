// Immutable. Identifiers that both planes speak of. Dense ones index arrays and are never reused within a process.
#pragma once

#include <cstdint>
#include <limits>

namespace weir {

enum class Arm : std::uint8_t { kBaseline = 0, kCandidate = 1 };
inline constexpr int kArmCount = 2;

// Interned by app/ over the life of the process, so that a record outlives a reload. A rollout's id is its
// service's: a service has at most one rollout at a time.
using ServiceId = std::uint32_t;
using RouteId = std::uint32_t;
using VersionId = std::uint32_t;
inline constexpr std::uint32_t kNoId = std::numeric_limits<std::uint32_t>::max();

// Every change of a rollout's weight, by anybody, begins a new step id, unique within the rollout's whole life
// (STATISTICS.md 4.0). 0: assigned before the rollout began; such requests feed only the baseline's memory.
using StepId = std::uint32_t;

// Tells apart judges of rollouts: which one a step id belongs to. Given out by the control plane, never twice in a
// process. A request assigned before another rollout of its service took over still speaks of the old one.
using Epoch = std::uint32_t;

// One millionth: the unit of weights and of hash buckets.
inline constexpr std::uint32_t kMillion = 1'000'000;

}  // namespace weir
