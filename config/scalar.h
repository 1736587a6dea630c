// Pure functions. Whether one text of a plan is what its key takes: its form, and its bounds.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/declaration.h"

namespace weir::config {

bool fits(const Key& key, std::string_view text);

// A header that the proxy takes off or answers for before it looks at a request: nothing is ever matched by it.
bool is_owned_field(std::string_view name);

// Why nothing is to go by a request header of this name, and what would do instead; nothing when it may.
struct UnfitField {
  std::string_view why;
  std::string_view instead;
};
std::optional<UnfitField> unfit_field(std::string_view name);

// Why it is no regular expression, or too large a one; empty when it is one.
std::string pattern_fault(std::string_view text);

}  // namespace weir::config
