// Immutable once loaded. How the names of endpoints are looked up.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/limits.h"

namespace weir::config {

struct Dns {
  enum class Family : std::uint8_t { kBoth, kIpv4, kIpv6 };

  static constexpr std::size_t kMostServers = 8;

  std::vector<std::string> servers = {};  // "10.0.0.2:53", "[::1]:53"; empty: those of /etc/resolv.conf
  Family family = Family::kBoth;
  // An answer's TTL is held to this; one that has none holds for as long as kNoTtl, within the same bounds.
  Duration min_ttl = std::chrono::seconds(1);
  Duration max_ttl = std::chrono::minutes(5);
  static constexpr Duration kNoTtl = std::chrono::seconds(5);

  bool operator==(const Dns&) const = default;
};

}  // namespace weir::config
