// Confined to the control thread, which runs it. The program at work: both planes, the admin API, and the loop that
// turns ten times a second and listens to signals and commands in between.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/rollout/controller.h"
#include "analysis/store/journal.h"
#include "app/access_log_file.h"
#include "app/admin/admin_server.h"
#include "app/command_queue.h"
#include "app/decision_log.h"
#include "app/decision_records.h"
#include "app/disk_thread.h"
#include "app/drain.h"
#include "app/endpoint_log.h"
#include "app/endpoint_resolution.h"
#include "app/endpoint_standing.h"
#include "app/feedback/desk.h"
#include "app/metrics/recent_traffic.h"
#include "app/metrics/request_metrics.h"
#include "app/metrics/shadow_metrics.h"
#include "app/port_adapters.h"
#include "app/published.h"
#include "app/running_plan.h"
#include "app/signals.h"
#include "app/start_watch.h"
#include "app/store_log.h"
#include "app/webhooks/webhooks.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/names.h"
#include "config/config.h"
#include "proxy/server/server.h"

namespace weir::app {

class Weir {
 public:
  static constexpr Milliseconds kTick{100};

  struct Setup {
    config::Config config;
    PlanOrigin origin;
    analysis::Journal::Opened state;  // not held by another
  };
  Weir(Signals& signals, Setup setup);
  ~Weir();
  Weir(const Weir&) = delete;
  Weir& operator=(const Weir&) = delete;

  // Opens its files, which `watch` is told of until all are, then takes every address; nothing is served when a line
  // comes back, which says why.
  std::vector<std::string> start(StartWatch& watch);
  // Until drained, or ended by a second signal. The exit code.
  int run();
  // After run(): all that was decided is on the disk.
  bool saved() const { return controller_.durable(); }
  // Nobody hangs on a disk, for whom the end would wait.
  bool can_end() { return saved() && records_.idle() && access_log_.idle() && disk_.at_rest(Milliseconds(0)); }

 private:
  using Done = std::function<void(ApiReply)>;  // empty: nobody wants to know
  // Somebody who wants the plan to be loaded again.
  struct Asked {
    std::string actor;
    Done done;
    SteadyTime until;  // then he is told that it takes longer
  };
  // A plan that waits for the addresses of its names.
  struct Reload {
    NextPlan next;
    std::string actor;
    Done done;
    SteadyTime until;  // then it goes without them
  };

  void wait() const;
  void tick();
  // By the disk thread, and what comes of it: weir_files.cc.
  void use_disk();
  void look_at_files();
  void take_seen(const FilesSeen& seen);
  void read_plan();
  void take_read(PlanRead read);
  void answer_the_patient(SteadyTime now);
  void on_signal(Signal signal);
  void obey(QueuedCommand queued);
  void obey_rollout(QueuedCommand queued);
  void answer_with(Done done, ApiReply reply);
  void answer();
  // Takes over what is known of the one that runs.
  std::shared_ptr<const proxy::Topology> topology_of(const config::Config& config, const TlsFiles& tls);
  void look_at_names();
  // Both say to whoever wants to know how it went.
  void reload(std::string actor, Done done = {});
  void take_plan(Reload reload);
  ApiReply refuse_reload(std::string_view actor, const ApiError& error);
  ApiReply begin_drain(std::string_view actor);
  // Nothing: no rollout of the plan has this identity.
  std::optional<ScoredRollout> rollout_of(std::uint64_t identity) const;
  ApiReply take_scores(const Post& post);
  ApiReply set_log_level(log::Level level, std::string_view actor);
  void advance_drain();
  void cut_requests();
  void tell_requests();
  void ask_judges();
  void reopen_access_log();
  void note(std::string_view decision, std::string_view actor, std::string_view reason);
  void tell_news();
  void show_config();
  void show_history();
  void publish();
  std::vector<std::string> problems(const std::vector<EndpointStanding>& endpoints) const;
  void finish();

  SystemClock clock_;
  Signals& signals_;
  const std::string lost_state_;

  Names names_;
  proxy::RateLimiters limiters_;
  RunningPlan plan_;
  EndpointResolution resolution_;
  std::deque<Asked> asked_;
  std::optional<Asked> being_read_;
  std::optional<Reload> reload_;
  bool reopens_ = false;  // the access log, when the disk thread is free
  proxy::Server server_;
  RequestMetrics requests_;
  AnswerMetrics answer_metrics_;
  ShadowMetrics shadow_metrics_;
  RecentTraffic recent_;
  AccessLogFile access_log_;
  FeedbackDesk feedback_;
  Webhooks webhooks_;
  OutcomeSource source_;
  ServerTraffic traffic_;
  std::unique_ptr<analysis::Journal> journal_;
  DecisionRecords records_;
  analysis::Controller controller_;
  CommandQueue commands_;
  std::vector<std::pair<Done, ApiReply>> answers_;  // to commands that are done
  Published published_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<AdminServer> scores_;  // listens only where the plan says feedback.address
  Drain drain_;

  SteadyTime started_;
  SteadyTime next_tick_;
  SteadyTime next_look_;                   // at files
  std::uint64_t debug_lines_dropped_ = 0;  // as told
  SteadyTime next_publish_;                // unless something happens before
  DecisionLog decision_log_;
  StoreLog store_log_;
  EndpointLog endpoint_log_;
  bool news_ = true;  // something happened that should be seen at once
  bool serving_ = false;
  bool ended_ = false;
  bool at_once_ = false;
  DiskThread disk_;
};

}  // namespace weir::app
