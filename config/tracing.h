// Immutable once loaded. What becomes of a request that belongs to no trace yet.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace weir::config {

struct Tracing {
  bool begin = true;
  // How many of the begun ones tell their origins to record. All: an origin whose sampler follows its parent, as
  // OpenTelemetry's default does, records what it would have recorded without us. None would switch it off.
  std::uint32_t sampled_ppm = kMillion;
};

}  // namespace weir::config
