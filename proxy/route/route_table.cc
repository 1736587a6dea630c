#include "proxy/route/route_table.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "proxy/http/field.h"
#include "proxy/route/path.h"

namespace weir::proxy {
namespace {

constexpr std::uint32_t kNone = kNoId;

bool less_ignoring_case(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return lower_case(x) < lower_case(y); });
}

bool has_header(const http::FieldList* fields, const config::HeaderMatch& rule) {
  if (fields == nullptr) return false;
  return std::any_of(fields->begin(), fields->end(), [&](const http::Field& field) {
    if (!http::equal_ignoring_case(field.name, rule.name)) return false;
    if (rule.exact) return field.value == *rule.exact;
    return !rule.prefix || field.value.starts_with(*rule.prefix);
  });
}

void normalise_rule(std::optional<std::string>& rule) {
  if (!rule) return;
  std::vector<char> space(rule->size());
  const NormalPath normal = normalise_path(*rule, {}, space);
  if (normal.fault == PathFault::kNone) rule = std::string(normal.path);
}

// The routes of one path rule, in file order.
struct PathEntry {
  std::string path;
  // Prefixes only: the entry of the longest other prefix that this one begins with.
  std::uint32_t parent = kNone;
  std::vector<std::uint32_t> routes;
};

// Sorted by path.
using PathEntries = std::vector<PathEntry>;

void add_route(PathEntries& entries, const std::string& path, std::uint32_t route) {
  auto at = std::lower_bound(entries.begin(), entries.end(), path,
                             [](const PathEntry& entry, const std::string& key) { return entry.path < key; });
  if (at == entries.end() || at->path != path) {
    PathEntry fresh;
    fresh.path = path;
    at = entries.insert(at, std::move(fresh));
  }
  at->routes.push_back(route);
}

// The last entry whose path is not above `path`, or null.
const PathEntry* last_not_above(const PathEntries& entries, std::string_view path) {
  const auto above = std::upper_bound(entries.begin(), entries.end(), path,
                                      [](std::string_view key, const PathEntry& entry) { return key < entry.path; });
  return above == entries.begin() ? nullptr : &*(above - 1);
}

void link_parents(PathEntries& entries) {
  for (std::uint32_t i = 1; i < entries.size(); ++i) {
    std::uint32_t parent = i - 1;
    while (parent != kNone && !entries[i].path.starts_with(entries[parent].path)) parent = entries[parent].parent;
    entries[i].parent = parent;
  }
}

// The routes of one host, or those without a host.
struct HostEntry {
  std::string host;
  PathEntries exact;
  PathEntries prefixes;
};

void improve(std::uint32_t& best, const PathEntry& entry, const std::vector<Route>& routes,
             const RequestFacts& request) {
  for (const std::uint32_t route : entry.routes) {
    if (route >= best) return;
    if (routes[route].matches(request)) {
      best = route;
      return;
    }
  }
}

// Lowers `best` to the first route of `entry` that matches. Every prefix of a path is the entry that sorts last before
// the path, or one of that entry's parents.
void improve(std::uint32_t& best, const HostEntry& entry, const std::vector<Route>& routes,
             const RequestFacts& request) {
  const PathEntry* exact = last_not_above(entry.exact, request.path);
  if (exact != nullptr && exact->path == request.path) improve(best, *exact, routes, request);
  const PathEntry* prefix = last_not_above(entry.prefixes, request.path);
  while (prefix != nullptr) {
    if (request.path.starts_with(prefix->path)) improve(best, *prefix, routes, request);
    prefix = prefix->parent == kNone ? nullptr : &entry.prefixes[prefix->parent];
  }
}

}  // namespace

struct RouteTable::Index {
  std::vector<HostEntry> hosts;  // sorted by host
  HostEntry any_host;

  HostEntry& of(const std::string& host);
  std::vector<HostEntry>::const_iterator lower_bound(std::string_view host) const {
    return std::lower_bound(hosts.begin(), hosts.end(), host, [](const HostEntry& entry, std::string_view key) {
      return less_ignoring_case(entry.host, key);
    });
  }
};

bool Route::matches(const RequestFacts& request) const {
  if (match.path_exact && request.path != *match.path_exact) return false;
  if (match.path_prefix && !request.path.starts_with(*match.path_prefix)) return false;
  if (!match.host.empty() && !http::equal_ignoring_case(match.host, request.host)) return false;
  if (!match.methods.empty() &&
      std::find(match.methods.begin(), match.methods.end(), request.method) == match.methods.end()) {
    return false;
  }
  return std::all_of(match.headers.begin(), match.headers.end(),
                     [&](const config::HeaderMatch& rule) { return has_header(request.fields, rule); });
}

// The entry of a host, made when it is new; an empty host is the one for any.
HostEntry& RouteTable::Index::of(const std::string& host) {
  if (host.empty()) return any_host;
  auto at = hosts.begin() + (lower_bound(host) - hosts.cbegin());
  if (at == hosts.end() || !http::equal_ignoring_case(at->host, host)) {
    HostEntry fresh;
    fresh.host = host;
    at = hosts.insert(at, std::move(fresh));
  }
  return *at;
}

RouteTable::RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {
  auto index = std::make_shared<Index>();
  for (std::uint32_t i = 0; i < routes_.size(); ++i) {
    config::RouteMatch& match = routes_[i].match;
    normalise_rule(match.path_exact);
    normalise_rule(match.path_prefix);
    HostEntry& host = index->of(match.host);
    if (match.path_exact) {
      add_route(host.exact, *match.path_exact, i);
    } else {
      add_route(host.prefixes, match.path_prefix.value_or(""), i);
    }
  }
  for (HostEntry& host : index->hosts) link_parents(host.prefixes);
  link_parents(index->any_host.prefixes);
  index_ = std::move(index);
}

const Route* RouteTable::match(const RequestFacts& request) const {
  std::uint32_t best = kNone;
  const auto host = index_->lower_bound(request.host);
  if (host != index_->hosts.end() && http::equal_ignoring_case(host->host, request.host)) {
    improve(best, *host, routes_, request);
  }
  improve(best, index_->any_host, routes_, request);
  return best == kNone ? nullptr : &routes_[best];
}

}  // namespace weir::proxy
