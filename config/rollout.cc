#include "config/rollout.h"

namespace weir::config {

std::string_view to_string(Strategy strategy) {
  constexpr std::array<std::string_view, 4> kWords = {"canary", "blueGreen", "aa", "shadow"};
  return kWords[static_cast<std::size_t>(strategy)];
}

}  // namespace weir::config
