// Pure functions. Networks as a plan writes them.
#pragma once

#include <optional>
#include <string>

#include "config/rollout.h"

namespace weir::config {

// "10.0.0.0/8", "2001:db8::/32", or one address.
std::optional<Cidr> parse_cidr(const std::string& text);

}  // namespace weir::config
