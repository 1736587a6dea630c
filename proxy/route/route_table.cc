#include "proxy/route/route_table.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "proxy/http/cookie.h"
#include "proxy/http/field.h"
#include "proxy/http/query.h"
#include "proxy/route/path.h"

namespace weir::proxy {
namespace {

constexpr std::uint32_t kNone = kNoId;

bool less_ignoring_case(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return lower_case(x) < lower_case(y); });
}

bool fits(const config::ValueMatch& rule, std::string_view value) {
  if (rule.exact) return value == *rule.exact;
  if (rule.prefix) return value.starts_with(*rule.prefix);
  return !rule.regex || rule.regex->matches(value);
}

bool fits(const config::ValueMatch& rule, const std::optional<std::string_view>& value) {
  return rule.absent ? !value : value && fits(rule, *value);
}

bool header_fits(const http::FieldList* fields, const config::ValueMatch& rule) {
  const auto counts = [&](const http::Field& field) {
    return http::equal_ignoring_case(field.name, rule.name) && (rule.absent || fits(rule, field.value));
  };
  return (fields != nullptr && std::any_of(fields->begin(), fields->end(), counts)) != rule.absent;
}

bool query_fits(const RequestFacts& request, const config::ValueMatch& rule) {
  return fits(rule, http::find_query_parameter(request.query, rule.name, request.space));
}

bool cookie_fits(const http::FieldList* fields, const config::ValueMatch& rule) {
  return fits(rule, fields == nullptr ? std::nullopt : http::find_cookie(*fields, rule.name));
}

bool model_fits(const std::optional<config::ValueMatch>& rule, const RequestFacts& request) {
  return !rule || request.model == nullptr || fits(*rule, *request.model);
}

bool host_fits(std::string_view rule, std::string_view host) {
  if (rule.empty()) return true;
  if (!rule.starts_with("*.")) return http::equal_ignoring_case(rule, host);
  rule.remove_prefix(1);
  return host.size() > rule.size() && http::equal_ignoring_case(rule, host.substr(host.size() - rule.size()));
}

bool path_fits(const config::RouteMatch& rule, std::string_view path) {
  if (rule.path_exact) return path == *rule.path_exact;
  if (rule.path_prefix) return path.starts_with(*rule.path_prefix);
  return !rule.path_regex || rule.path_regex->matches(path);
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

// The routes of one host, or of all below one, or those without a host.
struct HostEntry {
  std::string host;
  PathEntries exact;
  PathEntries prefixes;
  std::vector<std::uint32_t> expressions;  // in file order
};

// Sorted by host.
using HostEntries = std::vector<HostEntry>;

HostEntries::const_iterator lower_bound(const HostEntries& entries, std::string_view host) {
  return std::lower_bound(entries.begin(), entries.end(), host, [](const HostEntry& entry, std::string_view key) {
    return less_ignoring_case(entry.host, key);
  });
}

// The entry of exactly this name, or null.
const HostEntry* find(const HostEntries& entries, std::string_view host) {
  const auto at = lower_bound(entries, host);
  return at != entries.end() && http::equal_ignoring_case(at->host, host) ? &*at : nullptr;
}

// The same, made when it is new.
HostEntry& entry_of(HostEntries& entries, std::string_view host) {
  auto at = entries.begin() + (lower_bound(entries, host) - entries.cbegin());
  if (at == entries.end() || !http::equal_ignoring_case(at->host, host)) {
    HostEntry fresh;
    fresh.host = host;
    at = entries.insert(at, std::move(fresh));
  }
  return *at;
}

// What is looked for: the first route at or behind `from` that matches, `best` until an earlier one is found.
struct Search {
  const std::vector<Route>& routes;
  const RequestFacts& request;
  std::uint32_t from;
  std::uint32_t best = kNone;

  // `candidates` in file order.
  void among(const std::vector<std::uint32_t>& candidates) {
    for (const std::uint32_t route : candidates) {
      if (route >= best) return;
      if (route < from || !routes[route].matches(request)) continue;
      best = route;
      return;
    }
  }

  // Every prefix of a path is the entry that sorts last before the path, or one of that entry's parents.
  void in(const HostEntry& entry) {
    const PathEntry* exact = last_not_above(entry.exact, request.path);
    if (exact != nullptr && exact->path == request.path) among(exact->routes);
    const PathEntry* prefix = last_not_above(entry.prefixes, request.path);
    while (prefix != nullptr) {
      if (request.path.starts_with(prefix->path)) among(prefix->routes);
      prefix = prefix->parent == kNone ? nullptr : &entry.prefixes[prefix->parent];
    }
    // Last, so that only those are run that would win.
    among(entry.expressions);
  }
};

}  // namespace

struct RouteTable::Index {
  HostEntries hosts;
  HostEntries below;  // by what follows the "*" of a rule: ".example.com"
  std::size_t longest_below = 0;
  HostEntry any_host;

  HostEntry& of(std::string_view rule);
};

bool Route::matches(const RequestFacts& request) const {
  if (!path_fits(match, request.path) || !host_fits(match.host, request.host)) return false;
  if (!match.methods.empty() &&
      std::find(match.methods.begin(), match.methods.end(), request.method) == match.methods.end()) {
    return false;
  }
  const auto all = [](const std::vector<config::ValueMatch>& rules, auto&& fit) {
    return std::all_of(rules.begin(), rules.end(), fit);
  };
  return all(match.headers, [&](const config::ValueMatch& rule) { return header_fits(request.fields, rule); }) &&
         all(match.query, [&](const config::ValueMatch& rule) { return query_fits(request, rule); }) &&
         all(match.cookies, [&](const config::ValueMatch& rule) { return cookie_fits(request.fields, rule); }) &&
         model_fits(match.model, request) &&
         !(redirect && request.reached != nullptr &&
           leads_back(*redirect, match.path_prefix.value_or(""), *request.reached, request.path));
}

// The entry of the routes whose match names its host so.
HostEntry& RouteTable::Index::of(std::string_view rule) {
  if (rule.empty()) return any_host;
  if (!rule.starts_with("*.")) return entry_of(hosts, rule);
  rule.remove_prefix(1);
  longest_below = std::max(longest_below, rule.size());
  return entry_of(below, rule);
}

RouteTable::RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {
  auto index = std::make_shared<Index>();
  for (std::uint32_t i = 0; i < routes_.size(); ++i) {
    config::RouteMatch& match = routes_[i].match;
    has_redirects_ = has_redirects_ || routes_[i].redirect;
    normalise_rule(match.path_exact);
    normalise_rule(match.path_prefix);
    HostEntry& host = index->of(match.host);
    if (match.path_regex) {
      host.expressions.push_back(i);
    } else if (match.path_exact) {
      add_route(host.exact, *match.path_exact, i);
    } else {
      add_route(host.prefixes, match.path_prefix.value_or(""), i);
    }
  }
  for (HostEntry& host : index->hosts) link_parents(host.prefixes);
  for (HostEntry& host : index->below) link_parents(host.prefixes);
  link_parents(index->any_host.prefixes);
  index_ = std::move(index);
}

const Route* RouteTable::match(const RequestFacts& request, const Route* behind) const {
  Search search{routes_, request, behind == nullptr ? 0 : static_cast<std::uint32_t>(behind - routes_.data()) + 1};
  if (const HostEntry* const host = find(index_->hosts, request.host)) search.in(*host);
  // Every name that the host is below. A rule's length bounds how many are looked for.
  if (!index_->below.empty()) {
    const std::size_t longest = index_->longest_below;
    const std::size_t first = request.host.size() > longest ? request.host.size() - longest : 1;
    for (std::size_t dot = request.host.find('.', first); dot != std::string_view::npos;
         dot = request.host.find('.', dot + 1)) {
      const HostEntry* const above = find(index_->below, request.host.substr(dot));
      if (above != nullptr) search.in(*above);
    }
  }
  search.in(index_->any_host);
  return search.best == kNone ? nullptr : &routes_[search.best];
}

}  // namespace weir::proxy
