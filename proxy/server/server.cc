#include "proxy/server/server.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <utility>

#include "base/snapshot.h"
#include "proxy/server/worker.h"
#include "proxy/split/settle.h"

namespace weir::proxy {
namespace {

std::uint32_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return std::max(1U, std::thread::hardware_concurrency());
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
}

constexpr std::chrono::nanoseconds kGoneAfter = Listener::kCloseGrace + 2 * DeadlineList::kTick;

}  // namespace

class Server::Workers {
 public:
  explicit Workers(const ServerOptions& options)
      : count_(options.workers != 0 ? options.workers : usable_cores()), ring_capacity_(options.outcome_ring_capacity) {
    for (std::uint32_t i = 0; i < count_; ++i)
      workers_.push_back(std::make_unique<Worker>(plans_, ring_capacity_, Worker::Place{i, count_}));
  }

  std::vector<std::string> set_topology(std::shared_ptr<const Topology> topology, LostFiles lost_files) {
    std::vector<Bound> added;
    std::vector<std::string> errors = bind_missing(*topology, lost_files, added);
    if (!errors.empty()) {
      for (const Bound& bound : added) {
        for (const int descriptor : bound.sockets.descriptors) ::close(descriptor);
      }
      return errors;
    }
    const auto replaced = [&](const Listening& known) {
      return std::any_of(added.begin(), added.end(),
                         [&](const Bound& bound) { return bound.address == known.address; });
    };
    const auto goes = [&](const Listening& known) { return !has(*topology, known.address) || replaced(known); };
    if (std::erase_if(bound_, goes) > 0) all_free_at_ = std::chrono::steady_clock::now() + kGoneAfter;
    for (const Bound& bound : added) {
      bound_.push_back({bound.address, to_string(bound.sockets.address), bound.sockets.file, bound.load});
    }
    settle_all(*topology);
    topology_.publish(topology);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      std::vector<ListenerSocket> sockets;
      for (const Bound& bound : added) {
        const Listener::Socket socket{bound.sockets.descriptors[i], bound.sockets.address.family(), bound.sockets.file};
        sockets.push_back({bound.address, socket, bound.load});
      }
      Worker& worker = *workers_[i];
      each_own(i, [&worker, topology, sockets, first = i == 0] {
        worker.set_topology(topology, sockets);
        if (first) worker.check_health();
      });
    }
    return errors;
  }

  void run() {
    for (const auto& worker : workers_) threads_.emplace_back([&worker = *worker] { worker.run(); });
  }

  // On every worker's thread, all of it done when this returns.
  void everywhere(void (Worker::*task)()) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      Worker& worker = *workers_[i];
      each_own(i, [&worker, task] { (worker.*task)(); });
    }
  }

  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  bool running() const { return !threads_.empty(); }
  void apply_plan(std::shared_ptr<const TrafficPlan> plan) {
    if (plan->number <= last_plan_) return;
    last_plan_ = plan->number;
    plan_ = plan;
    if (const std::shared_ptr<const Topology> running = topology()) settle_all(*running);
    plans_.publish(std::move(plan));
  }
  std::shared_ptr<const Topology> topology() const { return topology_.load(); }
  const std::vector<std::unique_ptr<Worker>>& all() const { return workers_; }

  std::vector<std::string> addresses() const {
    std::vector<std::string> addresses;
    const std::shared_ptr<const Topology> running = topology();
    for (const ListenerTopology& listener : running->listeners) {
      const Listening* const known = find(listener.address);
      if (known != nullptr) addresses.push_back(known->real);
    }
    return addresses;
  }

 private:
  struct Bound {
    std::string address;
    ListeningSockets sockets;
    std::shared_ptr<ListenerLoad> load;
  };

  struct Listening {
    std::string address;  // the plan's
    std::string real;
    std::shared_ptr<SocketFile> file;  // of a Unix socket
    std::shared_ptr<ListenerLoad> load;
  };

  static bool lost(const Listening& listening) { return listening.file != nullptr && listening.file->lost(); }
  const Listening* find(const std::string& address) const {
    const auto at = std::find_if(bound_.begin(), bound_.end(), [&](const auto& b) { return b.address == address; });
    return at == bound_.end() ? nullptr : &*at;
  }

  static bool has(const Topology& topology, const std::string& address) {
    const auto& all = topology.listeners;
    return std::any_of(all.begin(), all.end(), [&](const auto& listener) { return listener.address == address; });
  }

  std::vector<std::string> bind_missing(const Topology& topology, LostFiles lost_files,
                                        std::vector<Bound>& added) const {
    std::vector<std::string> errors;
    for (const ListenerTopology& listener : topology.listeners) {
      const Listening* const known = find(listener.address);
      if (known != nullptr && (lost_files == LostFiles::kLeave || !lost(*known))) continue;
      ListeningSockets sockets = listen_when_free(listener.address);
      if (!sockets.error.empty()) errors.push_back(sockets.error);
      // Connections that came by a file that is gone go on, and count as before.
      added.push_back(
          {listener.address, std::move(sockets), known != nullptr ? known->load : std::make_shared<ListenerLoad>()});
    }
    return errors;
  }

  // What an earlier reload has taken away lets its last connections in before it closes, and may be in the way until
  // then.
  ListeningSockets listen_when_free(const std::string& address) const {
    for (;;) {
      const bool last = std::chrono::steady_clock::now() >= all_free_at_;
      ListeningSockets sockets = listen_on(address, workers_.size());
      if (sockets.error.empty() || last) return sockets;
      std::this_thread::sleep_for(DeadlineList::kTick);
    }
  }

  void settle_all(const Topology& topology) const {
    static const TrafficPlan kNone;
    const TrafficPlan& plan = plan_ != nullptr ? *plan_ : kNone;
    for (const auto& service : topology.owned) settle(service->split.spec(), plan.of(service->id));
  }

  // Before the threads run there is nobody to race with.
  void each_own(std::size_t index, std::function<void()> task) {
    if (!running()) return task();
    std::promise<void> done;
    workers_[index]->post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  const std::uint32_t count_;
  const std::size_t ring_capacity_;
  Snapshot<TrafficPlan> plans_;
  std::shared_ptr<const TrafficPlan> plan_;  // the last one
  std::uint64_t last_plan_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  Snapshot<Topology> topology_;  // for any thread
  std::vector<Listening> bound_;
  SteadyTime all_free_at_;  // of the addresses that have been listened on and are not any more
};

Server::Server(const ServerOptions& options) : workers_(std::make_unique<Workers>(options)) {}

Server::~Server() { stop(); }

std::vector<std::string> Server::start(std::shared_ptr<const Topology> topology) {
  std::vector<std::string> errors = workers_->set_topology(std::move(topology), LostFiles::kLeave);
  if (errors.empty()) workers_->run();
  return errors;
}

std::vector<std::string> Server::apply_topology(std::shared_ptr<const Topology> topology, LostFiles lost_files) {
  return workers_->set_topology(std::move(topology), lost_files);
}

std::shared_ptr<const Topology> Server::topology() const { return workers_->topology(); }

void Server::apply_plan(std::shared_ptr<const TrafficPlan> plan) {
  workers_->apply_plan(std::move(plan));
}

void Server::drain_outcomes(const std::function<void(const Outcome&)>& visit) {
  for (const auto& worker : workers_->all()) worker->outcomes().drain(visit);
}

void Server::drain_answers(const std::function<void(const Answer&)>& visit) {
  for (const auto& worker : workers_->all()) worker->answers().drain(visit);
}

void Server::drain_joins(const std::function<void(const Joinable&)>& visit) {
  for (const auto& worker : workers_->all()) worker->joins().drain(visit);
}

void Server::drain_failures(const std::function<void(const FailedRequest&)>& visit) {
  for (const auto& worker : workers_->all()) worker->failures().drain(visit);
}

void Server::drain_comparisons(const std::function<void(const Comparison&)>& visit) {
  for (const auto& worker : workers_->all()) worker->comparisons().drain(visit);
}

void Server::drain_pairs(const std::function<void(const std::unique_ptr<JudgedPair>&)>& visit) {
  for (const auto& worker : workers_->all()) worker->judged().drain(visit);
}

std::uint64_t Server::outcomes_dropped() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_->all()) sum += worker->outcomes().dropped() + worker->answers().dropped();
  return sum;
}

std::uint64_t Server::comparisons_dropped() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_->all()) sum += worker->comparisons().dropped();
  return sum;
}

void Server::drain_access_lines(const std::function<void(std::string_view)>& visit) {
  for (const auto& worker : workers_->all()) worker->access_lines().drain(visit);
}

std::uint64_t Server::access_lines_dropped() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_->all()) sum += worker->access_lines().dropped();
  return sum;
}

void Server::drain_debug_lines(const std::function<void(std::string_view)>& visit) {
  for (const auto& worker : workers_->all()) {
    std::string lines;
    worker->debug_lines().drain([&](std::string_view piece) { lines += piece; });
    if (!lines.empty()) visit(lines);
  }
}

std::uint64_t Server::debug_lines_dropped() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_->all()) sum += worker->debug_lines().dropped();
  return sum;
}

std::int64_t Server::count(Count count) const {
  std::int64_t sum = 0;
  for (const auto& worker : workers_->all()) sum += worker->counters().get(count);
  return sum;
}

std::uint32_t Server::workers() const { return static_cast<std::uint32_t>(workers_->all().size()); }

std::vector<std::string> Server::addresses() const { return workers_->addresses(); }

void Server::begin_drain() { workers_->everywhere(&Worker::begin_drain); }

void Server::close_listeners() { workers_->everywhere(&Worker::close_listeners); }

void Server::cut_requests() { workers_->everywhere(&Worker::cut_requests); }

bool Server::drained() const {
  const auto& all = workers_->all();
  return std::all_of(all.begin(), all.end(), [](const auto& worker) { return worker->drained(); });
}

void Server::stop() {
  if (!workers_->running()) return;
  workers_->everywhere(&Worker::stop);
  workers_->join();
}

}  // namespace weir::proxy
