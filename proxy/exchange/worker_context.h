// Confined to one worker. What all exchanges of a worker share. Nothing of it is shared with another worker, but the
// ends that lead out of it: the plan that comes in, the outcomes and the lines of the access log that go out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/asio.h"
#include "base/random.h"
#include "base/snapshot.h"
#include "base/traffic_plan.h"
#include "proxy/exchange/access_log.h"
#include "proxy/exchange/debug_log.h"
#include "proxy/exchange/inspection.h"
#include "proxy/exchange/shadow_copies.h"
#include "proxy/exchange/topology.h"
#include "proxy/http/date.h"
#include "proxy/http/field_list.h"
#include "proxy/inspect/request_reader.h"
#include "proxy/net/buffer_pool.h"
#include "proxy/net/deadline_list.h"
#include "proxy/observe/counters.h"
#include "proxy/observe/judged_pair.h"
#include "proxy/observe/outcome_ring.h"
#include "proxy/upstream/cluster.h"

namespace weir::proxy {

// Requests of one version that are under way on this worker.
struct VersionLoad {
  std::uint32_t active = 0;
  std::uint32_t retried = 0;  // of these, sent to it once more
  std::uint32_t rescued = 0;  // of these, sent to the baseline instead
};

// Memory of exchanges, kept for the next one: a connection that is idle holds none. All blocks are of one size.
class ExchangeBlocks {
 public:
  void* take(std::size_t size) {
    if (free_.empty()) return ::operator new(size);
    void* const block = free_.back().release();
    free_.pop_back();
    return block;
  }
  void give(void* block) { free_.emplace_back(block); }

 private:
  struct Free {
    void operator()(void* block) const { ::operator delete(block); }
  };
  std::vector<std::unique_ptr<void, Free>> free_;
};

// Failed requests whose ids a worker keeps for one tick of the control thread.
inline constexpr std::size_t kFailuresKept = 64;

// Likewise copies that were compared. One that finds no room is left out.
inline constexpr std::size_t kComparisonsKept = 4'096;
inline constexpr std::size_t kPairsKept = 32;

struct WorkerContext {
  WorkerContext(IoContext& io_context, const Snapshot<TrafficPlan>& plans, std::size_t ring_capacity)
      : io(io_context),
        deadlines(std::chrono::steady_clock::now()),
        random(Random::from_entropy()),
        plan(plans),
        outcomes(ring_capacity),
        answers(ring_capacity),
        joins(ring_capacity),
        access_log(random) {}

  IoContext& io;
  std::uint32_t index = 0;    // among the workers
  std::uint32_t workers = 1;  // of these, as of the last topology
  DeadlineList deadlines;
  BufferPool buffers;
  ExchangeBlocks exchange_blocks;
  Counters counters;
  Random random;
  Shortage shortage{counters};
  SnapshotReader<TrafficPlan> plan;
  OutcomeRing outcomes;
  AnswerRing answers;
  JoinRing joins;
  FailureRing failures{kFailuresKept};
  ComparisonRing comparisons{kComparisonsKept};
  PairQueue judged{kPairsKept};
  HeldBytes::Counter lent = HeldBytes::make_counter();  // to the judges of answers
  AccessLog access_log;
  DebugLog debug_log;
  Inspections inspections;
  Spares<RequestReader> readers;
  Spares<http::FieldList> shown_fields;

  Local<Topology> topology;
  std::vector<std::unique_ptr<Cluster>> clusters;  // by VersionId; null where there is none
  std::vector<VersionLoad> loads;                  // by VersionId
  struct Retired {
    VersionId version = kNoId;
    std::unique_ptr<Cluster> cluster;
  };
  std::vector<Retired> retired;                    // until their last request is done, or their version is back
  ShadowCopies copies;                             // which use those
  std::vector<bool> candidate_open;                // by ServiceId, as of the last look at the plan
  std::uint64_t plan_seen = 0;
  std::vector<char> path_space;   // for normalised paths
  std::vector<char> query_space;  // for decoded values of a query, and addresses
  std::string forwarded_space;    // for a Forwarded, until the head is written

  http::DateText date;  // follows the tick

  bool draining = false;  // responses say `Connection: close`
  bool stopping = false;  // what runs is cut

  // Opens connections to candidates that have just begun to get traffic, or are about to. With every tick.
  void open_for_candidates();

  // Takes a new topology and brings the clusters in line with it; so many workers are `sharing` each version's limits.
  void set_topology(std::shared_ptr<const Topology> next, std::uint32_t sharing);
};

}  // namespace weir::proxy
