// Pure functions. Whether one text of a plan is what its key takes: its form, and its bounds.
#pragma once

#include <string_view>

#include "config/declaration.h"

namespace weir::config {

bool fits(const Key& key, std::string_view text);

// A header that the proxy takes off or answers for before it looks at a request: nothing is ever matched by it.
bool is_owned_field(std::string_view name);

}  // namespace weir::config
