#include "proxy/exchange/worker_context.h"

#include <algorithm>
#include <utility>

namespace weir::proxy {
namespace {

bool same_cluster(const VersionTopology* before, const VersionTopology& after) {
  return before != nullptr && before->group == after.group && before->balancing == after.balancing &&
         before->outlier == after.outlier && before->max_connections == after.max_connections &&
         before->max_pending == after.max_pending && before->endpoint_connections == after.endpoint_connections &&
         before->endpoint_pending == after.endpoint_pending && before->endpoints == after.endpoints;
}

std::vector<ClusterSpec::Origin> origins_of(const VersionTopology& version) {
  std::vector<ClusterSpec::Origin> origins;
  for (const EndpointAddress& endpoint : version.endpoints) origins.push_back({endpoint.remote, endpoint.url});
  return origins;
}

ClusterSpec spec_of(const VersionTopology& version, std::uint32_t workers) {
  ClusterSpec spec;
  spec.origins = origins_of(version);
  spec.group = version.group;
  spec.balancing = version.balancing;
  spec.outlier = version.outlier;
  spec.max_connections = share_of(version.max_connections, workers);
  spec.max_pending = share_of(version.max_pending, workers);
  spec.endpoint_connections = share_of(version.endpoint_connections, workers);
  spec.endpoint_pending = share_of(version.endpoint_pending, workers);
  spec.workers = workers;
  return spec;
}

UpstreamContext upstream_of(WorkerContext& worker) {
  return {worker.io, worker.deadlines, worker.buffers, worker.counters, worker.random, worker.shortage, worker.index};
}

// Null: it has left no requests behind.
std::unique_ptr<Cluster> take_retired(std::vector<WorkerContext::Retired>& retired, VersionId version) {
  const auto at = std::find_if(retired.begin(), retired.end(), [&](const auto& one) { return one.version == version; });
  if (at == retired.end()) return nullptr;
  std::unique_ptr<Cluster> cluster = std::move(at->cluster);
  retired.erase(at);
  return cluster;
}

}  // namespace

void WorkerContext::open_for_candidates() {
  const Local<TrafficPlan>& now = plan.current();
  if (!now || !topology || now->number == plan_seen) return;
  plan_seen = now->number;
  candidate_open.resize(std::max(candidate_open.size(), topology->services.size()));
  for (const auto& service : topology->owned) {
    const RolloutTraffic& traffic = now->of(service->id);
    const SplitSpec& split = service->split.spec();
    const bool open = traffic.identity == split.identity && (traffic.opening || traffic.weight_ppm > 0);
    const bool before = candidate_open[service->id];
    candidate_open[service->id] = open;
    if (!open || before || !service->split.has_rollout() || clusters[split.candidate] == nullptr) continue;
    clusters[split.candidate]->open_idle(topology->listeners.front().timeouts);
  }
}

void WorkerContext::set_topology(std::shared_ptr<const Topology> next, std::uint32_t sharing) {
  const bool shared_anew = std::exchange(workers, sharing) != sharing;
  std::erase_if(retired, [](const Retired& one) { return one.cluster->unused(); });
  const std::size_t size = std::max(clusters.size(), next->versions.size());
  clusters.resize(size);
  loads.resize(size);
  for (std::size_t id = 0; id < size; ++id) {
    const auto version = static_cast<VersionId>(id);
    const VersionTopology* const before = topology ? topology->version(version) : nullptr;
    const VersionTopology* const after = next->version(version);
    std::unique_ptr<Cluster>& cluster = clusters[id];
    if (after == nullptr) {
      if (cluster == nullptr) continue;
      cluster->retire();
      if (!cluster->unused()) retired.push_back({version, std::move(cluster)});
      cluster = nullptr;
    } else if (cluster != nullptr) {
      // The same one whatever has changed, for what it holds counts against its limits.
      if (shared_anew || !same_cluster(before, *after)) cluster->become(spec_of(*after, workers));
    } else if (cluster = take_retired(retired, version); cluster != nullptr) {
      cluster->become(spec_of(*after, workers));
    } else {
      cluster = std::make_unique<Cluster>(upstream_of(*this), spec_of(*after, workers));
    }
  }
  for (const auto& cluster : clusters) {
    if (cluster != nullptr) cluster->set_bulkheads(next->bulkhead_places);
  }
  for (const Retired& one : retired) one.cluster->set_bulkheads(next->bulkhead_places);
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
