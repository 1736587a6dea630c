// Immutable once loaded. An address that clients connect to.
#pragma once

#include <string>

#include "config/limits.h"

namespace weir::config {

struct Listener {
  std::string address;  // host:port in its one form; an IPv6 address in brackets
  TimeoutOverrides timeouts;
  LimitOverrides limits;
};

}  // namespace weir::config
