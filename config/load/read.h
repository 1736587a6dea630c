// Pure functions. A document of the right shape to the structs of a Config. What each value means is settled here, what
// the values mean to each other in consistency.h.
#pragma once

#include "config/load/document.h"
#include "config/load/load.h"
#include "config/load/report.h"

namespace weir::config {

// Of a document without repeated keys.
Config read_config(const Node& root, const Environment& environment, Report& report);
// `index` in the file, from 0; `paths` are the file's.
Listener read_listener(const Node& node, std::size_t index, const PathPolicy& paths, Report& report);
Service read_service(const Node& node, const std::string& path, Report& report);
// `index` in the file, from 0.
Route read_route(const Node& node, std::size_t index, const Environment& environment, Report& report);
// What is done with its requests, into `route`.
void read_action(const Node& node, Route& route);
Rollout read_rollout(const std::string& service, const Node& node, const Environment& environment, Report& report);
// What it holds about how the weight moves, into `rollout`, whose baseline and candidate are read: strategy, steps, and
// the candidate that may be left out; `path` is its own.
void read_strategy(const Node& node, const std::string& path, Rollout& rollout, Report& report);
// `path` is the list's.
std::vector<Webhook> read_webhooks(const Node& node, const std::string& path, const Environment& environment,
                                   Report& report);
Stickiness read_stickiness(const Node& node);
AccessLog read_access_log(const Node& node, Report& report);
// What the plan holds under `dns`.
Dns read_dns(const Node& root, Report& report);
LoadBalancing read_load_balancing(const Node& node, const std::string& path, Report& report);
HealthCheck read_health_check(const Node& node, const std::string& path, Report& report);
Outlier read_outlier(const Node& node, const std::string& path, Report& report);
// `path` is what messages call it.
Secret read_secret(const Node& node, const std::string& path, const Environment& environment, Report& report);
// What `node` holds under `allow` and `deny`, and under `apiKeys`; `path` is its own.
AddressRules read_address_rules(const Node& node, const std::string& path, Report& report);
ApiKeys read_api_keys(const Node& node, const std::string& path, const Environment& environment, Report& report);
// What it holds under `rateLimit`.
std::optional<RateLimit> read_rate_limit(const Node& node);
// What `node` holds under `timeouts` and under `limits`.
TimeoutOverrides read_timeouts(const Node& node);
LimitOverrides read_limits(const Node& node);
// What it holds under `retries`; `path` is the node's, with its dot.
RetryOverrides read_retries(const Node& node, const std::string& path, Report& report);
// What it holds under `rescue`.
Rescue read_rescue(const Node& node, const std::string& path, Report& report);
// What it holds under `paths`, on top of what holds around it.
PathPolicy read_paths(const Node& node, PathPolicy around);
// What it holds under `tls`.
std::optional<ListenerTls> read_listener_tls(const Node& node);
OriginTls read_origin_tls(const Node& node);
// What it holds under `address`, in its one form: other words for the same address are no change.
void read_listen_address(const Node& node, std::string& into);

}  // namespace weir::config
