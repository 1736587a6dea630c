#include "proxy/resolve/endpoint_names.h"

#include "proxy/net/address.h"

namespace weir::proxy {

bool needs_lookup(const config::Endpoint& endpoint) {
  return endpoint.unix_path.empty() && known_addresses(endpoint.host, endpoint.port).empty();
}

std::set<std::string> endpoint_names(const config::Config& config) {
  std::set<std::string> names;
  for (const auto& [service_name, service] : config.services) {
    for (const auto& [version_name, version] : service.versions) {
      for (const config::Endpoint& endpoint : version.endpoints) {
        if (needs_lookup(endpoint)) names.insert(endpoint.host);
      }
    }
  }
  return names;
}

}  // namespace weir::proxy
