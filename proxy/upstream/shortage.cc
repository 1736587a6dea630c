#include "proxy/upstream/shortage.h"

#include "base/log.h"

namespace weir::proxy {

void Shortage::tell(std::string_view endpoint, std::string_view why) {
  counters_.add(Count::kUpstreamNoResources);
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < tell_again_) return;
  tell_again_ = now + kTellAgainAfter;
  log::warn("upstream_no_resources", {{"endpoint", endpoint}, {"reason", why}});
}

}  // namespace weir::proxy
