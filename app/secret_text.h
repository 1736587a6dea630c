// Pure functions.
#pragma once

#include <optional>
#include <string>

#include "config/secret.h"

namespace weir::app {

// Empty where the plan names none.
inline std::string secret_of(const std::optional<config::Secret>& secret) { return secret ? secret->value : ""; }

}  // namespace weir::app
