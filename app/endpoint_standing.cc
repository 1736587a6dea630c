#include "app/endpoint_standing.h"

#include <algorithm>
#include <cstddef>

namespace weir::app {

namespace {

template <class Visit>
void each_endpoint(const proxy::Topology& topology, const Visit& visit) {
  for (const auto& service : topology.owned) {
    for (const proxy::VersionTopology& version : service->versions) {
      for (const proxy::EndpointAddress& endpoint : version.endpoints) {
        visit(service->name, version.name, *version.group->endpoint(endpoint.url));
      }
    }
  }
}

}  // namespace

std::vector<EndpointStanding> endpoint_standings(const proxy::Topology& topology, SteadyTime now) {
  std::vector<EndpointStanding> standings;
  each_endpoint(topology,
                [&](const std::string& service, const std::string& version, const proxy::EndpointState& state) {
                  standings.push_back({.service = service,
                                       .version = version,
                                       .endpoint = state.name(),
                                       .ejected = state.ejected(now),
                                       .ill = !state.healthy()});
                });
  return standings;
}

std::vector<EndpointSample> endpoint_samples(const proxy::Topology& topology, SteadyTime now) {
  std::vector<EndpointSample> samples;
  each_endpoint(topology,
                [&](const std::string& service, const std::string& version, const proxy::EndpointState& state) {
                  EndpointSample sample{.service = service,
                                        .version = version,
                                        .endpoint = state.name(),
                                        .ejections = state.ejections(),
                                        .healthy = state.healthy(),
                                        .ejected = state.ejected(now)};
                  for (int i = 0; i < proxy::kEndpointCountCount; ++i) {
                    sample.counts[static_cast<std::size_t>(i)] = state.total(static_cast<proxy::EndpointCount>(i));
                  }
                  samples.push_back(std::move(sample));
                });
  return samples;
}

std::vector<std::string> endpoint_problems(const std::vector<EndpointStanding>& standings) {
  std::vector<std::string> lines;
  for (auto first = standings.begin(); first != standings.end();) {
    const auto other = [&](const EndpointStanding& standing) {
      return standing.service != first->service || standing.version != first->version;
    };
    const auto last = std::find_if(first, standings.end(), other);
    std::size_t out = 0;
    std::string named;
    for (auto at = first; at != last; ++at) {
      if (!at->out()) continue;
      if (++out <= 3) named += (named.empty() ? "" : ", ") + at->endpoint + " (" + std::string(at->reason()) + ")";
    }
    if (out > 0) {
      const auto all = static_cast<std::size_t>(last - first);
      lines.push_back(first->service + "/" + first->version + ": " + std::to_string(out) + " of " +
                      std::to_string(all) + (all == 1 ? " endpoint is" : " endpoints are") + " out: " + named +
                      (out > 3 ? ", …" : "") + (out == all ? "; requests go to all of them" : ""));
    }
    first = last;
  }
  return lines;
}

}  // namespace weir::app
