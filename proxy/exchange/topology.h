// Immutable. Everything that a request is routed by, built from the plan file: replaced whole on a reload. A request
// takes one at its start and keeps it to its end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/names.h"
#include "config/body_text.h"
#include "config/config.h"
#include "proxy/net/connector.h"
#include "proxy/net/tls_context.h"
#include "proxy/resolve/resolution.h"
#include "proxy/route/route_table.h"
#include "proxy/split/split.h"
#include "proxy/upstream/endpoint_state.h"

namespace weir::proxy {

struct EndpointAddress {
  Remote remote;
  std::string authority;  // host:port, as a Host field says it
  std::string url;        // as the plan writes it, for one address of a name with that behind it: what it is known by

  bool operator==(const EndpointAddress&) const = default;
};

struct VersionTopology {
  VersionId id = kNoId;
  std::string name;
  // One at least: where no name of the version has an address yet, the names themselves, which nothing can be connected
  // to.
  std::vector<EndpointAddress> endpoints;
  config::LoadBalancing balancing;
  config::Outlier outlier;
  std::optional<config::HealthCheck> health_check;
  std::optional<config::Prices> prices;
  std::string model;       // what it is asked for, as a JSON string; empty: what the client asks for
  std::string model_path;  // the same of a request whose path says it (proxy/route/model_path.h)
  std::shared_ptr<EndpointGroup> group;  // what is known of the endpoints: the same before and after a reload
  std::uint32_t max_connections = 1024;  // of the process, shared out among the workers
  std::uint32_t max_pending = 1024;
  std::uint32_t endpoint_connections = config::kNoCount;
  std::uint32_t endpoint_pending = config::kNoCount;
};

struct ServiceTopology {
  ServiceId id = kNoId;
  std::string name;
  Split split;
  std::vector<VersionTopology> versions;
  VersionId baseline = kNoId;  // of its rollout
  bool balances_by_body = false;  // a version does
  bool names_models_in_paths = false;  // likewise
  config::Rescue rescue = {};  // by the baseline
  VersionId candidate = kNoId;
  config::Mirror mirror = {};  // how requests are copied to it, in steps that do
  std::uint64_t judged = 0;    // bytes of each body that a judge of the plan gets of them; 0: there is none
};

// One address to listen on, with its own view of the routes: timeouts and limits resolved file, then listener, then
// route.
struct ListenerTopology {
  std::string address;
  config::Timeouts timeouts;
  config::Limits limits;
  config::PathPolicy paths;
  config::AddressRules addresses;  // of who connects
  config::TrustedHops trusted_hops;
  bool hops_named = false;      // or else there are none, and nobody is kept from speaking the PROXY protocol
  bool proxy_protocol = false;  // each connection begins with a PROXY header
  // A sidecar whose plan names no hops passes on what anybody says; who a client is it takes from nobody.
  bool passes_all_on = false;
  RouteTable routes;
  std::shared_ptr<const TlsServerContext> tls = nullptr;  // null: plain
};

// What a plan's TLS is set up with.
struct TlsContexts {
  std::vector<std::shared_ptr<const TlsServerContext>> listeners = {};  // in the plan's order; null: plain
  // By "service/version", where an endpoint speaks TLS.
  std::map<std::string, std::shared_ptr<const TlsClientContext>> origins = {};
};

struct Topology {
  bool version_header = true;
  bool via = true;
  bool forwarded = false;
  config::Tracing tracing;
  bool names_own_fields = false;              // a rule or the access log does: is_own_field() (forwarded.h)
  std::uint64_t memory = config::kUnlimited;  // of the process's read buffers, shared out among the workers
  std::optional<config::AccessLog> access_log;
  config::BodyTextSet body_texts;  // what a request's body may have to be looked into for
  std::vector<ListenerTopology> listeners;
  std::vector<const ServiceTopology*> services;  // by ServiceId; null where there is none
  std::vector<const VersionTopology*> versions;  // by VersionId; null where there is none
  std::vector<std::unique_ptr<const ServiceTopology>> owned;
  std::vector<std::uint32_t> bulkhead_places;  // by BulkheadId, of the whole process; kNoCount where nothing bounds them

  const ServiceTopology* service(ServiceId id) const { return id < services.size() ? services[id] : nullptr; }
  const VersionTopology* version(VersionId id) const { return id < versions.size() ? versions[id] : nullptr; }
};

// What a topology takes over from elsewhere.
struct TopologySources {
  RateLimiters& limiters;                  // a route that has not changed goes on with what it has counted so far
  const TlsContexts& tls;                  // what the config's files hold
  const Topology* running = nullptr;       // of endpoints that it has as well, what is known goes on being so
  const Resolution* resolution = nullptr;  // null: nothing is known of any name
};

// `names` gives the ids; it only grows. The config has been validated.
std::shared_ptr<const Topology> build_topology(const config::Config& config, Names& names,
                                               const TopologySources& sources);
// With limits that have counted nothing.
std::shared_ptr<const Topology> build_topology(const config::Config& config, Names& names,
                                               const Topology* running = nullptr);

}  // namespace weir::proxy
