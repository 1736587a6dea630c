// Pure functions. Where a rollout stands, and what its plan says of what is decided, as bytes and back, exactly. As in
// input_code.h, each field has one place, and a new one does not compile until it has.
#pragma once

#include <optional>
#include <string>

#include "analysis/judge/bytes.h"
#include "analysis/rollout/ports.h"
#include "analysis/rollout/rollout_state.h"
#include "config/rollout.h"

namespace weir::analysis {

void write(ByteWriter& out, const RolloutKey& key);
void read(ByteReader& in, RolloutKey& key);

void write(ByteWriter& out, const RolloutState& state);
void read(ByteReader& in, RolloutState& state);

// Without overrides and webhooks, which nothing is decided by.
void write(ByteWriter& out, const config::Rollout& policy);
void read(ByteReader& in, config::Rollout& policy);

}  // namespace weir::analysis
