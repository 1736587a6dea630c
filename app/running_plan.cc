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

// What a reading of another plan has to know of the one that runs.
struct Runs {
  PlanOrigin origin;
  config::Config config;
  std::shared_ptr<proxy::TlsTickets> tickets;
  std::shared_ptr<const TlsFiles> tls;
};

PlanRead refused(ApiError error, bool may_pass) {
  return {.stamp = {}, .said = std::move(error), .may_pass = may_pass};
}

LogFile open_access_log(const config::Config& config, const std::string& plan, const AboutTo& about_to) {
  const std::string& path = config.access_log->path;
  about_to("the access log " + path);
  const std::string fault = log_place_fault(path, config.state.path, plan);
  return fault.empty() ? LogFile::open(path) : LogFile::refused("cannot write the access log " + path + ": " + fault);
}

PlanRead read_next(const Runs& runs, const AboutTo& about_to) {
  PlanFile plan = read_plan_file(runs.origin.file, FileKind::kRegular);
  if (!plan.ok()) {
    return refused({.status = 422,
                    .code = "plan_refused",
                    .message = "the plan has errors; nothing was changed",
                    .problems = plan.messages()},
                   plan.files_failed);
  }
  NextPlan next{.config = std::move(*plan.loaded.config),
                .warnings = plan.messages(),
                .lowered = {},
                .tls = {},
                .access_log = {},
                .memory = {}};
  const std::vector<std::string> fixed = config::needs_restart(runs.config, next.config);
  if (!fixed.empty()) {
    return refused({.status = 409,
                    .code = "needs_restart",
                    .message = "a change of " + listed(fixed) + " needs a restart; nothing was changed",
                    .problems = {}},
                   false);
  }
  next.lowered = fit(next.config, runs.origin);
  if (next.config.access_log) {
    next.access_log = open_access_log(next.config, runs.origin.file, about_to);
    if (!next.access_log.error().empty()) {
      return refused({.status = 409,
                      .code = "cannot_open_log",
                      .message = next.access_log.error() + "; nothing was changed",
                      .problems = {}},
                     true);
    }
  }
  next.tls = std::make_shared<TlsFiles>(next.config, runs.tickets, runs.tls.get(), about_to);
  if (!next.tls->faults().empty()) {
    return refused({.status = 422,
                    .code = "certificates_refused",
                    .message = "the files of TLS cannot be used; nothing was changed",
                    .problems = next.tls->faults()},
                   true);
  }
  return {.stamp = {}, .said = std::move(next), .may_pass = false};
}

}  // namespace

RunningPlan::RunningPlan(config::Config config, PlanOrigin origin, std::int64_t unix_ms)
    : origin_(std::move(origin)),
      config_(std::move(config)),
      lowered_(fit(config_, origin_)),
      loaded_unix_ms_(unix_ms) {
  if (!origin_.file.empty()) watch_.emplace(origin_.file);
}

std::vector<std::string> RunningPlan::open_tls(const AboutTo& about_to) {
  tls_ = std::make_shared<TlsFiles>(config_, tickets_, nullptr, about_to);
  return tls_->faults();
}

LogFile RunningPlan::open_log(const AboutTo& about_to) const {
  return config_.access_log ? open_access_log(config_, origin_.file, about_to) : LogFile();
}

std::string RunningPlan::access_log_path() const { return config_.access_log ? config_.access_log->path : ""; }

std::function<PlanRead(const AboutTo&)> RunningPlan::reading() const {
  Runs runs{.origin = origin_, .config = config_, .tickets = tickets_, .tls = tls_};
  return [runs = std::move(runs)](const AboutTo& about_to) {
    about_to(runs.origin.name + ", or a file that it names");
    std::optional<FileStamp> stamp = stamp_of(runs.origin.file);
    PlanRead read = read_next(runs, about_to);
    read.stamp = stamp;
    return read;
  };
}

std::function<FilesSeen(const AboutTo&)> RunningPlan::look(std::int64_t unix_s) const {
  return [watch = watch_, before = tls_, name = origin_.name, unix_s](const AboutTo& about_to) {
    FilesSeen seen{.watch = watch, .before = before, .tls = {}};
    about_to(name);
    seen.plan_changed = seen.watch && seen.watch->changed();
    const auto tls = std::make_shared<TlsFiles>(*before);
    seen.tls_changed = tls->look(unix_s, about_to);
    seen.tls = tls;
    return seen;
  };
}

bool RunningPlan::was_read(const PlanRead& read) {
  std::vector<std::string> why;
  if (const auto* error = std::get_if<ApiError>(&read.said); error != nullptr && read.may_pass) {
    why = error->problems;
    why.push_back(error->message);
    watch_->failed(read.stamp);
  } else {
    watch_->seen(read.stamp);
  }
  const bool known = !why.empty() && why == failure_ && read.stamp == failed_stamp_;
  failure_ = std::move(why);
  failed_stamp_ = read.stamp;
  return !known;
}

bool RunningPlan::take(FilesSeen seen) {
  watch_ = std::move(seen.watch);
  if (seen.before != tls_) return false;
  tls_ = std::move(seen.tls);
  return seen.tls_changed;
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
