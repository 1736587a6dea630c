#include "app/admin/access.h"

#include "base/text.h"
#include "config/address.h"

namespace weir::app {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr std::size_t kActorLimit = 128;

bool names_loopback(std::string_view authority) {
  const std::optional<config::HostPort> address = config::parse_authority(authority, 80);
  return address && config::is_loopback_host(address->host);
}

}  // namespace

Access decide_access(const AccessFacts& facts, std::string_view token) {
  if (facts.probe) return Access::kAllowed;
  if (token.empty() && !names_loopback(facts.host)) return Access::kForeignHost;
  if (facts.post && facts.origin) {
    const std::string own = "http://" + std::string(facts.host);
    if (*facts.origin != own) return Access::kForeignOrigin;
  }
  // Browsers say it even where they send no Origin; nobody else sends it.
  if (facts.post && !facts.fetch_site.empty() && facts.fetch_site != "same-origin" && facts.fetch_site != "none") {
    return Access::kForeignOrigin;
  }
  if (token.empty() || !facts.api) return Access::kAllowed;
  if (lower_case(facts.authorization.substr(0, kBearer.size())) != kBearer) return Access::kNoToken;
  const std::string_view guess = facts.authorization.substr(kBearer.size());
  return equal_in_constant_time(token, guess) ? Access::kAllowed : Access::kNoToken;
}

std::string actor_name(std::string_view given, std::string_view peer) {
  if (given.size() > kActorLimit || !is_visible(given)) return "admin:" + std::string(peer);
  return std::string(given) + " from " + std::string(peer);
}

}  // namespace weir::app
