// Immutable once loaded. Who may use a route.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/network.h"
#include "config/secret.h"

namespace weir::config {

// `deny` is asked first; then, where there is an `allow`, nobody else is let in.
struct AddressRules {
  std::vector<Cidr> allow = {};
  std::vector<Cidr> deny = {};

  bool empty() const { return allow.empty() && deny.empty(); }
  bool admits(const IpBytes& address) const {
    return !contains(deny, address) && (allow.empty() || contains(allow, address));
  }
};

inline constexpr std::size_t kMaxApiKeys = 256;  // of a route: each is compared
inline constexpr std::size_t kMaxApiKey = 256;   // bytes
inline constexpr std::size_t kShortApiKey = 16;  // bytes; fewer can be tried out

struct ApiKey {
  std::string name = {};  // for logs and stickiness; the key itself is in neither
  Secret key = {};
};

struct ApiKeys {
  std::string header = "x-api-key";  // lower case; `authorization` takes a bearer token
  bool forward = false;              // whether the service sees the field
  std::vector<ApiKey> keys = {};     // empty: anybody may come

  bool bearer() const { return header == "authorization"; }
};

}  // namespace weir::config
