#include "proxy/exchange/worker_context.h"

#include <algorithm>
#include <utility>

namespace weir::proxy {
namespace {

std::uint32_t share(std::uint32_t limit, std::uint32_t workers) {
  return std::max(1U, (limit + workers - 1) / workers);
}

bool same_cluster(const VersionTopology* before, const VersionTopology& after) {
  return before != nullptr && before->endpoints == after.endpoints &&
         before->max_connections == after.max_connections && before->max_pending == after.max_pending;
}

std::unique_ptr<Cluster> make_cluster(WorkerContext& worker, const VersionTopology& version, std::uint32_t workers) {
  ClusterSpec spec;
  for (const EndpointAddress& endpoint : version.endpoints) spec.origins.push_back(endpoint.remote);
  spec.max_connections = share(version.max_connections, workers);
  spec.max_pending = share(version.max_pending, workers);
  const UpstreamContext context{worker.io, worker.deadlines, worker.buffers, worker.counters, worker.random};
  return std::make_unique<Cluster>(context, std::move(spec));
}

}  // namespace

void WorkerContext::set_topology(std::shared_ptr<const Topology> next, std::uint32_t workers) {
  std::erase_if(retired, [](const auto& cluster) { return cluster->unused(); });
  const std::size_t size = std::max(clusters.size(), next->versions.size());
  clusters.resize(size);
  loads.resize(size);
  for (std::size_t id = 0; id < size; ++id) {
    const VersionTopology* const before = topology ? topology->version(static_cast<VersionId>(id)) : nullptr;
    const VersionTopology* const after = next->version(static_cast<VersionId>(id));
    if (after != nullptr && clusters[id] != nullptr && same_cluster(before, *after)) continue;
    if (clusters[id] != nullptr) {
      clusters[id]->retire();
      if (!clusters[id]->unused()) retired.push_back(std::move(clusters[id]));
      clusters[id] = nullptr;
    }
    if (after != nullptr) clusters[id] = make_cluster(*this, *after, workers);
  }
  // Never less than before: a head that has begun is read to the end under the limits of its beginning.
  std::uint64_t longest = path_space.size();
  for (const ListenerTopology& listener : next->listeners) longest = std::max(longest, listener.limits.request_line);
  longest = std::max<std::uint64_t>(longest, kAddressText);
  path_space.resize(longest);
  query_space.resize(longest);
  buffers.set_budget(next->memory == config::kUnlimited ? SIZE_MAX : next->memory / workers);
  topology = Local<Topology>(std::move(next));
}

}  // namespace weir::proxy
