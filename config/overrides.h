// Pure functions. What an inner place of the plan says goes before what the one around it says.
#pragma once

#include <optional>

namespace weir::config {

template <class T>
void take(T& onto, const std::optional<T>& override) {
  if (override) onto = *override;
}

}  // namespace weir::config
