#include "app/running_plan.h"

#include <utility>

#include "app/capacity.h"
#include "app/plan_file.h"
#include "base/log.h"
#include "config/diff.h"
#include "config/write/write_plan.h"
#include "proxy/observe/redact.h"

namespace weir::app {
namespace {

// "a, b and c".
std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

LogFile open_log_of(const config::Config& config) {
  return config.access_log ? LogFile::open(config.access_log->path) : LogFile();
}

// What the command line says is before what the plan says.
void choose_access_log(config::Config& config, const std::string& path) {
  if (path.empty()) return;
  if (!config.access_log) config.access_log.emplace().format = config::json_log_format({});
  config.access_log->path = path;
}

// Some receivers know who may tell them something by the path: Slack's https://hooks.slack.com/services/T…/B…/….
std::string shown_url(const config::Webhook& webhook) {
  if (webhook.to.target == "/") return webhook.url;
  return (webhook.to.tls ? "https://" : "http://") + config::authority_of(webhook.to) + "/" +
         std::string(proxy::kRedacted);
}

// By the words by which the access log knows a secret.
config::Redaction redaction_of(const config::Config& config) {
  std::vector<std::string> more = config.access_log ? config.access_log->redact : std::vector<std::string>();
  for (const config::Route& route : config.routes) {
    if (!route.api_keys.keys.empty()) more.push_back(route.api_keys.header);
  }
  return {.is_secret = [more](std::string_view name) { return proxy::names_secret(name, more); },
          .url =
              [more](std::string_view url) {
                std::string shown;
                proxy::append_redacted_url(url, more, shown);
                return shown;
              },
          .webhook = shown_url,
          .in_place = proxy::kRedacted};
}

// What the plan leaves to the machine, and what the machine cannot give: a line for each listener that gets less.
std::vector<std::string> fit(config::Config& config, const PlanOrigin& origin) {
  std::vector<std::string> lowered = fit_connections(config, origin.descriptors);
  fit_memory(config, available_memory());
  choose_access_log(config, origin.access_log);
  return lowered;
}

}  // namespace

RunningPlan::RunningPlan(config::Config config, PlanOrigin origin, std::int64_t unix_ms)
    : origin_(std::move(origin)),
      config_(std::move(config)),
      lowered_(fit(config_, origin_)),
      loaded_unix_ms_(unix_ms) {
  if (!origin_.file.empty()) watch_.emplace(origin_.file);
}

std::vector<std::string> RunningPlan::open_tls() {
  tls_ = std::make_unique<TlsFiles>(config_, tickets_);
  return tls_->faults();
}

LogFile RunningPlan::open_access_log() const { return open_log_of(config_); }

std::variant<NextPlan, ApiError> RunningPlan::read_again() {
  watch_->seen();
  PlanFile plan = read_plan_file(origin_.file);
  if (!plan.ok()) {
    return ApiError{.status = 422,
                    .code = "plan_refused",
                    .message = "the plan has errors; nothing was changed",
                    .problems = plan.messages()};
  }
  NextPlan next{.config = std::move(*plan.loaded.config),
                .warnings = plan.messages(),
                .lowered = {},
                .tls = {},
                .access_log = {}};
  const std::vector<std::string> fixed = config::needs_restart(config_, next.config);
  if (!fixed.empty()) {
    return ApiError{.status = 409,
                    .code = "needs_restart",
                    .message = "a change of " + listed(fixed) + " needs a restart; nothing was changed",
                    .problems = {}};
  }
  next.lowered = fit(next.config, origin_);
  next.access_log = open_log_of(next.config);
  if (!next.access_log.error().empty()) {
    return ApiError{.status = 409,
                    .code = "cannot_open_log",
                    .message = next.access_log.error() + "; nothing was changed",
                    .problems = {}};
  }
  next.tls = std::make_unique<TlsFiles>(next.config, tickets_, tls_.get());
  if (!next.tls->faults().empty()) {
    return ApiError{.status = 422,
                    .code = "certificates_refused",
                    .message = "the files of TLS cannot be used; nothing was changed",
                    .problems = next.tls->faults()};
  }
  return next;
}

void RunningPlan::take(NextPlan next, std::int64_t unix_ms) {
  loaded_unix_ms_ = unix_ms;
  config_ = std::move(next.config);
  tls_ = std::move(next.tls);
  lowered_ = std::move(next.lowered);
  refused_.clear();
  ++reloads_;
  for (const std::string& warning : next.warnings) log::warn("plan_problem", {{"problem", warning}});
  tell();
}

void RunningPlan::refuse(std::string_view actor, const ApiError& error) {
  ++reloads_refused_;
  refused_ = "the plan that runs is not the one in " + origin_.name + ": " + error.message;
  log::error("reload_refused", {{"actor", actor}, {"reason", error.message}});
  for (const std::string& problem : error.problems) log::error("plan_problem", {{"problem", problem}});
}

json::Value RunningPlan::document(std::uint32_t workers) const {
  config::Config shown = config_;
  shown.workers = workers;
  return json::Object{{"plan", origin_.name},
                      {"loaded", log::iso_time(loaded_unix_ms_)},
                      {"reloads", reloads_},
                      {"reloads_refused", reloads_refused_},
                      {"config", config::write_plan(shown, redaction_of(config_))}};
}

void RunningPlan::tell() const {
  for (const std::string& line : lowered_) log::warn("connections_lowered", {{"listener", line}});
  for (const std::string& version : tls_->unverified()) log::warn("endpoints_not_verified", {{"version", version}});
}

std::vector<std::string> RunningPlan::problems() const {
  std::vector<std::string> lines;
  if (!refused_.empty()) lines.push_back(refused_);
  lines.insert(lines.end(), lowered_.begin(), lowered_.end());
  const std::vector<std::string> certificates = tls_->problems();
  lines.insert(lines.end(), certificates.begin(), certificates.end());
  return lines;
}

}  // namespace weir::app
