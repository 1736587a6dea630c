#include "app/published.h"

#include <algorithm>
#include <utility>

#include "analysis/rollout/rollout_state.h"
#include "app/endpoint_standing.h"
#include "base/log.h"

namespace weir::app {

ApiReply Published::query(const ApiQuery& query) {
  if (query.kind == ApiQuery::Kind::kHealth) return health();
  const std::shared_ptr<const View> view = view_.load();
  if (view == nullptr) {
    return error_reply({.status = 503, .code = "starting", .message = "the weir is starting", .problems = {}});
  }
  switch (query.kind) {
    case ApiQuery::Kind::kStatus:
      return {.status = 200, .body = view->status};
    case ApiQuery::Kind::kTraffic:
      return {.status = 200, .body = view->traffic};
    case ApiQuery::Kind::kConfig:
      return {.status = 200, .body = *config_.load()};  // there before the first view
    case ApiQuery::Kind::kHistory:
      return history(query);
    case ApiQuery::Kind::kMetrics:
      return metrics();
    case ApiQuery::Kind::kReady:
      if (view->ready) return message_reply("ready");
      return error_reply(
          {.status = 503, .code = "not_ready", .message = "new requests should go elsewhere", .problems = {}});
    case ApiQuery::Kind::kHealth:
      break;
  }
  return health();
}

void Published::submit(ApiCommand command, std::function<void(ApiReply)> done) {
  sources_.commands.push({std::move(command), std::move(done)});
}

ApiReply Published::history(const ApiQuery& query) const {
  json::Array records;
  const std::shared_ptr<const History> all = history_.load();
  if (all != nullptr) {
    for (auto record = all->rbegin(); record != all->rend() && records.size() < query.limit; ++record) {
      if (query.service.empty() || (*record)["service"].string() == query.service) records.push_back(*record);
    }
  }
  const std::vector<std::string>& known = view_.load()->services;
  const bool nobody = records.empty() && !query.service.empty();
  if (nobody && std::find(known.begin(), known.end(), query.service) == known.end()) {
    return error_reply({.status = 404,
                        .code = "no_service",
                        .message = "there is no service \"" + query.service + "\", and there is no record of one",
                        .problems = {}});
  }
  return {.status = 200, .body = json::write(json::Object{{"records", std::move(records)}})};
}

ApiReply Published::metrics() const {
  const std::shared_ptr<const View> view = view_.load();
  Scrape scrape;
  scrape.requests = sources_.requests.totals();
  scrape.answers = sources_.answers.totals();
  scrape.shadow = sources_.shadow.totals();
  for (int i = 0; i < proxy::kCountCount; ++i) {
    scrape.counts[static_cast<std::size_t>(i)] = sources_.server.count(static_cast<proxy::Count>(i));
  }
  for (int i = 0; i < analysis::kPhaseCount; ++i) {
    scrape.phases.emplace_back(analysis::to_string(static_cast<analysis::Phase>(i)));
  }
  scrape.rollouts = view->rollouts;
  scrape.endpoints = endpoint_samples(*sources_.server.topology(), sources_.clock.now());
  scrape.store = view->store;
  scrape.records = view->records;
  scrape.names = view->names;
  scrape.feedback = view->feedback;
  for (const WebhookStanding& webhook : view->webhooks) {
    scrape.webhooks.push_back({.service = webhook.service,
                               .webhook = webhook.name,
                               .delivered = webhook.counts.delivered,
                               .failed = webhook.counts.failed,
                               .dropped = webhook.counts.dropped,
                               .waiting = webhook.waiting});
  }
  scrape.certificates = view->certificates;
  scrape.process = process_sample();
  scrape.outcomes_dropped = sources_.server.outcomes_dropped();
  scrape.comparisons_dropped = sources_.server.comparisons_dropped();
  scrape.access_log_dropped = sources_.server.access_lines_dropped() + sources_.access_log.refused();
  scrape.log_lines_dropped = log::lines_dropped();
  scrape.reloads = view->reloads;
  scrape.reloads_refused = view->reloads_refused;
  scrape.admin_turned_away = view->admin_turned_away;
  scrape.ready = view->ready;
  return {.status = 200, .body = render_metrics(scrape), .content_type = kMetricsContentType};
}

ApiReply Published::health() const {
  const auto since = sources_.clock.now() - turned_.load(std::memory_order_relaxed);
  if (since < kStuckAfter) return message_reply("alive");
  return error_reply({.status = 503, .code = "stuck", .message = "the control thread does not turn", .problems = {}});
}

}  // namespace weir::app
