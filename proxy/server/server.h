// The data plane as its owner sees it. Confined to the control thread, but for topology(), count() and what says so.
// Workers are threads of their own; nothing here waits for them except start(), apply_topology() and stop().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/answer.h"
#include "base/comparison.h"
#include "base/outcome.h"
#include "base/score.h"
#include "base/traffic_plan.h"
#include "proxy/exchange/topology.h"
#include "proxy/observe/counters.h"
#include "proxy/observe/judged_pair.h"

namespace weir::proxy {

struct ServerOptions {
  std::uint32_t workers = 0;                    // 0: one per core this process may run on
  std::size_t outcome_ring_capacity = 1 << 15;  // outcomes a worker, and answers; a power of two
};

// What becomes of a Unix socket's listener whose file somebody has taken away, so that no client finds it any more.
enum class LostFiles : std::uint8_t { kLeave, kMakeAgain };

class Server {
 public:
  explicit Server(const ServerOptions& options);
  ~Server();  // stops at once
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds every listener, then starts the workers. On failure nothing runs, and each line says which address and why.
  std::vector<std::string> start(std::shared_ptr<const Topology> topology);

  // New requests take the new one. Listeners that both have stay untouched; new ones are bound first: if that fails,
  // nothing changes. Gone ones accept what waits and close; their connections end with the response under way.
  std::vector<std::string> apply_topology(std::shared_ptr<const Topology> topology,
                                          LostFiles lost_files = LostFiles::kLeave);

  // The one that runs; null before start().
  std::shared_ptr<const Topology> topology() const;

  // Idempotent; a plan with a number that is not higher than the last one's is ignored.
  void apply_plan(std::shared_ptr<const TrafficPlan> plan);

  // Visits every outcome that the workers have left so far.
  void drain_outcomes(const std::function<void(const Outcome&)>& visit);
  // The same of what answers were, where they are looked into.
  void drain_answers(const std::function<void(const Answer&)>& visit);
  // The same of requests that may be scored later. One that found no room is scored by nobody.
  void drain_joins(const std::function<void(const Joinable&)>& visit);
  // The same of the names of requests that a candidate failed or was slow with, as far as they found room.
  void drain_failures(const std::function<void(const FailedRequest&)>& visit);
  // The same of copies of requests that were compared, as far as they found room.
  void drain_comparisons(const std::function<void(const Comparison&)>& visit);
  // The answers of those that the plan wants judged.
  void drain_pairs(const std::function<void(const std::unique_ptr<JudgedPair>&)>& visit);
  // Outcomes and answers that found their ring full, ever.
  std::uint64_t outcomes_dropped() const;
  std::uint64_t comparisons_dropped() const;

  // By one thread, whichever: visits the lines that the workers have written into the access log so far, in pieces of
  // which each ends with a line or with the next one's beginning.
  void drain_access_lines(const std::function<void(std::string_view)>& visit);
  // Lines that found their ring full, ever. Any thread.
  std::uint64_t access_lines_dropped() const;
  // Likewise what they have to say at log level debug, whole lines.
  void drain_debug_lines(const std::function<void(std::string_view)>& visit);
  std::uint64_t debug_lines_dropped() const;

  std::int64_t count(Count count) const;  // summed over the workers
  std::uint32_t workers() const;
  // The addresses really bound, in the topology's order: a port 0 in the plan is filled in.
  std::vector<std::string> addresses() const;

  // The steps of a drain, in this order. Responses say `Connection: close` from here on.
  void begin_drain();
  // Listeners accept what waits, then close; idle connections close.
  void close_listeners();
  // Ends the requests that still run, but for streams: responses of unknown length.
  void cut_requests();
  // All listeners are closed and no request is under way.
  bool drained() const;
  // Ends what still runs, joins the workers.
  void stop();

 private:
  class Workers;
  std::unique_ptr<Workers> workers_;
};

}  // namespace weir::proxy
