// Immutable once loaded. How many requests a route takes in how much time.
#pragma once

#include <cstdint>
#include <string>

#include "config/limits.h"

namespace weir::config {

struct RateLimit {
  enum class By : std::uint8_t { kRoute, kClientAddress, kApiKey, kHeader };

  std::uint32_t requests = 0;
  Duration per{1'000};
  std::uint32_t burst = 0;  // resolved: `requests` unless given
  By by = By::kRoute;
  std::string header = {};  // of kHeader, lower case

  bool operator==(const RateLimit&) const = default;
};

}  // namespace weir::config
