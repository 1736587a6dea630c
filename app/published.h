// Thread-safe: the control thread publishes, the admin thread answers from what was published last, and hands commands
// over. Neither waits for the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/access_log_file.h"
#include "app/admin/backend.h"
#include "app/command_queue.h"
#include "app/metrics/answer_metrics.h"
#include "app/metrics/exposition.h"
#include "app/metrics/request_metrics.h"
#include "app/metrics/shadow_metrics.h"
#include "app/webhooks/webhooks.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/snapshot.h"
#include "proxy/server/server.h"

namespace weir::app {

// What a tick leaves for others to see.
struct View {
  std::string status;   // JSON
  std::string traffic;  // JSON
  std::vector<RolloutSample> rollouts;
  StoreSample store;
  RecordsSample records;
  NameSample names;
  FeedbackSample feedback;
  std::vector<WebhookStanding> webhooks;
  std::vector<CertificateSample> certificates;
  std::uint64_t reloads = 0;
  std::uint64_t reloads_refused = 0;
  std::uint64_t admin_turned_away = 0;
  std::vector<std::string> services;  // of the plan
  bool ready = false;
};
using History = std::vector<json::Value>;  // oldest first

class Published final : public AdminBackend {
 public:
  // A control thread that has not turned for so long is stuck, and the process is not healthy.
  static constexpr std::chrono::seconds kStuckAfter{30};

  struct Sources {
    const Clock& clock;
    const proxy::Server& server;  // for its counters and its topology alone
    const RequestMetrics& requests;
    const AnswerMetrics& answers;
    const ShadowMetrics& shadow;
    const AccessLogFile& access_log;
    CommandQueue& commands;
  };
  explicit Published(const Sources& sources) : sources_(sources) { turned(); }

  // The control thread's.
  void show(View view) { view_.publish(std::make_shared<const View>(std::move(view))); }
  void show_config(std::string config) { config_.publish(std::make_shared<const std::string>(std::move(config))); }
  void show_history(History history) { history_.publish(std::make_shared<const History>(std::move(history))); }
  void turned() { turned_.store(sources_.clock.now(), std::memory_order_relaxed); }

  ApiReply query(const ApiQuery& query) override;
  void submit(ApiCommand command, std::function<void(ApiReply)> done) override;

 private:
  ApiReply history(const ApiQuery& query) const;
  ApiReply metrics() const;
  ApiReply health() const;

  Sources sources_;
  Snapshot<View> view_;
  Snapshot<std::string> config_;  // JSON
  Snapshot<History> history_;
  std::atomic<SteadyTime> turned_;
};

}  // namespace weir::app
