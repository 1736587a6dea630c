#include "config/load/redirect_circles.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "config/load/covers.h"
#include "config/load/places.h"

namespace weir::config {
namespace {

constexpr std::size_t kMostSteps = 20;  // after which browsers give up

std::string_view without_last_slash(std::string_view text) {
  if (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

// Those that move a path alone: whether another scheme, host or port comes back here is not for the plan to know.
bool moves_path(const Route& route) {
  if (!route.redirect || route.match.path_regex) return false;
  const Redirect& redirect = *route.redirect;
  if (redirect.prefix && !route.match.path_prefix) return false;
  return (redirect.path || redirect.prefix) && redirect.scheme.empty() && redirect.host.empty() && redirect.port == 0;
}

// Where the route's redirect leads from a path that it takes.
std::string goal_of(const Route& route, std::string_view path) {
  const Redirect& redirect = *route.redirect;
  if (redirect.path) return *redirect.path;
  std::string goal(without_last_slash(*redirect.prefix));
  goal += path.substr(without_last_slash(*route.match.path_prefix).size());
  return goal.starts_with('/') ? goal : "/" + goal;
}

// Follows redirects from route to route, as a client does that the first one takes.
class Walk {
 public:
  explicit Walk(const std::vector<Route>& routes) : routes_(routes) {}

  // Whether it never comes to an end.
  bool goes_on(std::size_t first) {
    const RouteMatch& match = routes_[first].match;
    request_ = match;
    request_.path_prefix.reset();
    request_.path_exact = match.path_exact ? *match.path_exact : match.path_prefix.value_or("/");
    std::size_t at = first;
    if (leads_back(at)) return false;
    while (paths_.size() < kMostSteps) {
      taken_.insert(at);
      const bool known = std::find(paths_.begin(), paths_.end(), *request_.path_exact) != paths_.end();
      paths_.push_back(*request_.path_exact);
      if (known) return true;
      request_.path_exact = goal_of(routes_[at], *request_.path_exact);
      at = route_of_request();
      if (at == routes_.size() || !moves_path(routes_[at])) return false;
    }
    return true;
  }
  const std::set<std::size_t>& taken() const { return taken_; }

  // The first few places.
  std::string way() const {
    constexpr std::size_t kShown = 4;
    std::string text;
    for (std::size_t i = 0; i < std::min(paths_.size(), kShown); ++i) text += (i == 0 ? "" : ", ") + paths_[i];
    return paths_.size() > kShown ? text + ", …" : text;
  }

 private:
  // A redirect takes no request that is there already.
  bool leads_back(std::size_t route) const {
    return moves_path(routes_[route]) && goal_of(routes_[route], *request_.path_exact) == *request_.path_exact;
  }
  std::size_t route_of_request() const {
    std::size_t at = 0;
    while (at < routes_.size() && (!covers(routes_[at].match, request_) || leads_back(at))) ++at;
    return at;
  }

  const std::vector<Route>& routes_;
  RouteMatch request_;
  std::vector<std::string> paths_;
  std::set<std::size_t> taken_;
};

}  // namespace

void check_redirects(const Config& config, const Node& root, Report& report) {
  std::set<std::size_t> told;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    if (!moves_path(config.routes[i]) || told.contains(i)) continue;
    Walk walk(config.routes);
    if (!walk.goes_on(i)) continue;
    told.insert(walk.taken().begin(), walk.taken().end());
    report.warn(place(element(root.find("routes"), i), {"redirect"}),
                "routes[" + std::to_string(i) + "].redirect comes to no end: " + walk.way(),
                "a goal that no redirect takes");
  }
}

}  // namespace weir::config
