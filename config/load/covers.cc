#include "config/load/covers.h"

#include <algorithm>

namespace weir::config {
namespace {

// Whether a request that fits `special` fits `general` too.
bool header_covers(const HeaderMatch& general, const HeaderMatch& special) {
  if (general.name != special.name) return false;
  if (general.exact) return special.exact == general.exact;
  if (!general.prefix) return true;
  const std::optional<std::string>& begins = special.exact ? special.exact : special.prefix;
  return begins && begins->starts_with(*general.prefix);
}

bool path_covers(const RouteMatch& general, const RouteMatch& special) {
  if (general.path_exact) return special.path_exact == general.path_exact;
  if (!general.path_prefix || *general.path_prefix == "/") return true;
  const std::optional<std::string>& begins = special.path_exact ? special.path_exact : special.path_prefix;
  return begins && begins->starts_with(*general.path_prefix);
}

}  // namespace

bool covers(const RouteMatch& general, const RouteMatch& special) {
  if (!general.host.empty() && general.host != special.host) return false;
  const auto allows = [&](const std::string& method) {
    return std::find(general.methods.begin(), general.methods.end(), method) != general.methods.end();
  };
  const bool all_methods =
      general.methods.empty() ||
      (!special.methods.empty() && std::all_of(special.methods.begin(), special.methods.end(), allows));
  const auto implied = [&](const HeaderMatch& rule) {
    return std::any_of(special.headers.begin(), special.headers.end(),
                       [&](const HeaderMatch& given) { return header_covers(rule, given); });
  };
  return all_methods && path_covers(general, special) &&
         std::all_of(general.headers.begin(), general.headers.end(), implied);
}

}  // namespace weir::config
