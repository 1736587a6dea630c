// Immutable once loaded. An address that clients connect to.
#pragma once

#include <optional>
#include <string>

#include "config/access.h"
#include "config/limits.h"
#include "config/network.h"
#include "config/paths.h"
#include "config/retry.h"
#include "config/tls.h"

namespace weir::config {

struct Listener {
  std::string address;  // host:port in its one form, an IPv6 address in brackets; or unix:/path
  TimeoutOverrides timeouts;
  LimitOverrides limits;
  RetryOverrides retries = {};
  PathPolicy paths = {};                    // resolved on top of the file's
  bool proxy_protocol = false;              // each connection begins with a PROXY header
  std::optional<TrustedHops> trusted_hops;  // unset: the file's
  AddressRules addresses = {};              // of who connects
  std::optional<ListenerTls> tls = {};
};

}  // namespace weir::config
