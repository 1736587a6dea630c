#include "config/load/covers.h"

#include <algorithm>

namespace weir::config {
namespace {

// In each, whether a request that fits `special` fits `general` too. What cannot be told is no.

bool host_covers(const std::string& general, const std::string& special) {
  if (general.empty() || general == special) return true;
  if (!general.starts_with("*.")) return false;
  // "*.a.b" takes "x.a.b" and all of "*.x.a.b", but neither "a.b" nor ".a.b".
  const std::string_view below = std::string_view(general).substr(1);
  const std::string_view name = std::string_view(special).substr(special.starts_with("*.") ? 1 : 0);
  return name.size() > below.size() && name.ends_with(below);
}

bool path_covers(const RouteMatch& general, const RouteMatch& special) {
  if (general.path_exact) return special.path_exact == general.path_exact;
  if (general.path_regex) {
    return special.path_exact ? general.path_regex->matches(*special.path_exact)
                              : special.path_regex == general.path_regex;
  }
  if (!general.path_prefix || *general.path_prefix == "/") return true;
  const std::optional<std::string>& begins = special.path_exact ? special.path_exact : special.path_prefix;
  return begins && begins->starts_with(*general.path_prefix);
}

bool value_covers(const ValueMatch& general, const ValueMatch& special) {
  if (general.name != special.name || general.absent != special.absent) return false;
  if (general.exact) return special.exact == general.exact;
  if (general.regex) return special.exact ? general.regex->matches(*special.exact) : special.regex == general.regex;
  if (!general.prefix) return true;
  const std::optional<std::string>& begins = special.exact ? special.exact : special.prefix;
  return begins && begins->starts_with(*general.prefix);
}

// Each rule of `general` is implied by one of `special`.
bool values_cover(const std::vector<ValueMatch>& general, const std::vector<ValueMatch>& special) {
  return std::all_of(general.begin(), general.end(), [&](const ValueMatch& rule) {
    return std::any_of(special.begin(), special.end(),
                       [&](const ValueMatch& given) { return value_covers(rule, given); });
  });
}

bool model_covers(const std::optional<ValueMatch>& general, const std::optional<ValueMatch>& special) {
  return !general || (special && value_covers(*general, *special));
}

bool methods_cover(const std::vector<std::string>& general, const std::vector<std::string>& special) {
  const auto allows = [&](const std::string& method) {
    return std::find(general.begin(), general.end(), method) != general.end();
  };
  return general.empty() || (!special.empty() && std::all_of(special.begin(), special.end(), allows));
}

}  // namespace

bool covers(const RouteMatch& general, const RouteMatch& special) {
  return host_covers(general.host, special.host) && methods_cover(general.methods, special.methods) &&
         path_covers(general, special) && values_cover(general.headers, special.headers) &&
         values_cover(general.query, special.query) && values_cover(general.cookies, special.cookies) &&
         model_covers(general.model, special.model);
}

}  // namespace weir::config
