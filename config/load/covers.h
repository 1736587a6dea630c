// Pure functions. Whether one route leaves anything for another.
#pragma once

#include "config/config.h"

namespace weir::config {

// Whether `general` takes every request that `special` can match. Paths are compared as they stand: a plan holds them
// in their normal form.
bool covers(const RouteMatch& general, const RouteMatch& special);

}  // namespace weir::config
