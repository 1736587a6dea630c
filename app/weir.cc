#include "app/weir.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "app/capacity.h"
#include "app/cli/invocation.h"
#include "app/plan_file.h"
#include "app/rollout_plans.h"
#include "app/status.h"
#include "base/json.h"
#include "config/address.h"
#include "config/diff.h"
#include "config/units.h"

namespace weir::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLookPeriod{1};
constexpr milliseconds kPublishPeriod{500};
constexpr int kPublishShare = 10;              // at most one part in so many of the time goes into the status document
constexpr seconds kStoreAgain{60};             // a disk that fails is spoken of again
constexpr milliseconds kStorePatience{1'000};  // at start, before everybody is served by the baseline
constexpr milliseconds kSavePatience{2'000};   // at the end
constexpr milliseconds kPollPeriod{5};

std::int64_t unix_ms(const Clock& clock) {
  return std::chrono::duration_cast<milliseconds>(clock.wall_now().time_since_epoch()).count();
}

// Journal's records as the controller wants them.
analysis::Controller::Past past_of(analysis::Journal::Opened& opened) {
  analysis::Controller::Past past{.rollouts = std::move(opened.contents.rollouts), .history = {}, .lost = opened.lost};
  for (const std::string& record : opened.contents.records) past.history.push_back(json::parse(record).value);
  return past;
}

// The longest that any listener or route allows.
Drain::Times drain_times(const config::Config& config) {
  config::Timeouts base = config::preset_timeouts(config.preset);
  config::apply(base, config.timeouts);
  Drain::Times times{.delay = base.drain_delay, .requests = base.drain, .streams = base.stream_drain};
  const auto stretch = [&](const config::TimeoutOverrides& overrides) {
    config::Timeouts inner = base;
    config::apply(inner, overrides);
    times.delay = std::max<Milliseconds>(times.delay, inner.drain_delay);
    times.requests = std::max<Milliseconds>(times.requests, inner.drain);
    times.streams = std::max<Milliseconds>(times.streams, inner.stream_drain);
  };
  for (const config::Listener& listener : config.listeners) stretch(listener.timeouts);
  for (const config::Route& route : config.routes) stretch(route.timeouts);
  return times;
}

analysis::Command::Verb rollout_verb(ApiVerb verb) {
  using Verb = analysis::Command::Verb;
  switch (verb) {
    case ApiVerb::kPromote:
      return Verb::kPromote;
    case ApiVerb::kPromoteFull:
      return Verb::kPromoteFull;
    case ApiVerb::kResume:
      return Verb::kResume;
    case ApiVerb::kAbort:
      return Verb::kAbort;
    case ApiVerb::kRetry:
      return Verb::kRetry;
    case ApiVerb::kUndo:
      return Verb::kUndo;
    case ApiVerb::kWeight:
      return Verb::kWeight;
    case ApiVerb::kPause:
    case ApiVerb::kReload:
    case ApiVerb::kDrain:
    case ApiVerb::kLogLevel:
      break;
  }
  return Verb::kPause;
}

std::string standing(const analysis::Rollout& rollout) {
  const analysis::RolloutState& state = rollout.state();
  return rollout.plan().key.service + ": " + std::string(analysis::to_string(state.phase)) + ", " +
         config::format_percent(state.served_ppm) + " of the users on " + rollout.plan().key.candidate;
}

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

// Not opened and without an error: the plan wants none.
LogFile open_access_log(const config::Config& config) {
  return config.access_log ? LogFile::open(config.access_log->path) : LogFile();
}

AdminOptions admin_options(const config::Config& config) {
  AdminOptions options;
  // A plan whose address is none was refused.
  options.address = config::parse_listen_address(config.admin.address).value_or(options.address);
  if (config.admin.token) options.token = config.admin.token->value;
  return options;
}

}  // namespace

Weir::Weir(Signals& signals, Setup setup)
    : signals_(signals),
      config_(std::move(setup.config)),
      plan_file_(std::move(setup.plan_file)),
      plan_name_(std::move(setup.plan_name)),
      descriptors_(setup.descriptors),
      access_log_path_(std::move(setup.access_log)),
      lost_state_(setup.state.lost),
      lowered_(fit_connections(config_, descriptors_)),
      server_({.workers = config_.workers}),
      requests_(names_),
      recent_(clock_),
      access_log_([this](const AccessLogFile::Visit& visit) { server_.drain_access_lines(visit); }),
      source_(server_, {.metrics = requests_, .recent = recent_}),
      traffic_(server_),
      journal_(std::move(setup.state.journal)),
      controller_({.clock = clock_, .source = source_, .traffic = traffic_, .store = *journal_}, past_of(setup.state)),
      published_({.clock = clock_,
                  .server = server_,
                  .requests = requests_,
                  .access_log = access_log_,
                  .commands = commands_}),
      admin_(std::make_unique<AdminServer>(admin_options(config_), published_)),
      started_(clock_.now()),
      next_tick_(started_),
      next_look_(started_ + kLookPeriod),
      next_publish_(started_),
      store_told_(started_),
      history_told_(controller_.history_version()) {
  fit_memory(config_, available_memory());
  choose_access_log(config_, access_log_path_);
  if (!plan_file_.empty()) watch_.emplace(plan_file_);
}

Weir::~Weir() = default;

std::vector<std::string> Weir::start() {
  tls_ = std::make_unique<TlsFiles>(config_, tickets_);
  if (!tls_->faults().empty()) return tls_->faults();
  const std::shared_ptr<const proxy::Topology> topology = topology_of(config_, *tls_);
  controller_.set_plans(rollout_plans(config_, names_));
  // What was decided in earlier lives is no news, but has to be there.
  const auto& history = controller_.history();
  published_.show_history({history.begin(), history.end()});
  // Served from the first request on as was last decided, if the disk takes a write within a moment.
  for (const SteadyTime end = clock_.now() + kStorePatience; !controller_.open() && clock_.now() < end;) {
    controller_.tick();
    std::this_thread::sleep_for(kPollPeriod);
  }
  LogFile log = open_access_log(config_);
  if (!log.error().empty()) return {log.error()};
  std::vector<std::string> errors = server_.start(topology);
  if (!errors.empty()) return errors;
  if (log.opened()) access_log_.write_to(std::move(log));
  std::string error = admin_->start();
  if (!error.empty()) {
    server_.stop();
    return {std::move(error)};
  }
  serving_ = true;
  if (!lost_state_.empty()) log::error("state_lost", {{"reason", lost_state_}});
  for (const std::string& line : lowered_) log::warn("connections_lowered", {{"listener", line}});
  for (const std::string& version : tls_->unverified()) log::warn("endpoints_not_verified", {{"version", version}});
  for (const std::string& address : server_.addresses()) {
    log::info("listening", {{"address", address}, {"workers", server_.workers()}});
  }
  log::info("serving", {{"plan", plan_name_}, {"admin", config_.admin.address}, {"state", config_.state.path}});
  return {};
}

int Weir::run() {
  while (!ended_) {
    wait();
    for (const Signal signal : signals_.take()) on_signal(signal);
    for (QueuedCommand& queued : commands_.take()) obey(std::move(queued));
    if (clock_.now() >= next_tick_) tick();
    tell_news();
    if (news_ || clock_.now() >= next_publish_) publish();
    answer();
  }
  finish();
  return at_once_ ? kExitEndedAtOnce : kExitOk;
}

void Weir::wait() const {
  const auto left = std::chrono::ceil<milliseconds>(next_tick_ - clock_.now());
  std::array<pollfd, 2> events{{{signals_.descriptor(), POLLIN, 0}, {commands_.descriptor(), POLLIN, 0}}};
  ::poll(events.data(), events.size(), static_cast<int>(std::max<milliseconds::rep>(0, left.count())));
}

void Weir::tick() {
  const SteadyTime now = clock_.now();
  next_tick_ = std::max(next_tick_ + kTick, now);  // what was missed is not made up for
  controller_.tick();
  recent_.turn();
  published_.turned();
  if (!drain_.draining() && now >= next_look_) {
    next_look_ = now + kLookPeriod;
    if (watch_ && watch_->changed()) reload("file");
    look_at_certificates();
  }
  advance_drain();
  tell_store();
}

// Connections that began with the old ones keep them.
void Weir::look_at_certificates() {
  const std::vector<std::string> before = tls_->problems();
  if (tls_->look()) server_.apply_topology(topology_of(config_, *tls_));
  if (tls_->problems() != before) news_ = true;
}

void Weir::on_signal(Signal signal) {
  if (signal == Signal::kReload) {
    reload("SIGHUP");
  } else if (signal == Signal::kReopenLogs) {
    reopen_access_log();
  } else if (!drain_.draining()) {
    begin_drain("signal");
  } else {
    log::warn("ending_at_once", {});
    at_once_ = ended_ = true;
  }
}

void Weir::obey(QueuedCommand queued) {
  news_ = true;
  if (queued.command.verb == ApiVerb::kReload) {
    answer_with(std::move(queued.done), reload(queued.command.actor));
  } else if (queued.command.verb == ApiVerb::kDrain) {
    answer_with(std::move(queued.done), begin_drain(queued.command.actor));
  } else if (queued.command.verb == ApiVerb::kLogLevel) {
    answer_with(std::move(queued.done), set_log_level(queued.command.log_level, queued.command.actor));
  } else {
    obey_rollout(std::move(queued));
  }
}

void Weir::answer_with(std::function<void(ApiReply)> done, ApiReply reply) {
  answers_.emplace_back(std::move(done), std::move(reply));
}

// After publish(): whoever is told that a command is done finds it done wherever he looks.
void Weir::answer() {
  for (auto& [done, reply] : std::exchange(answers_, {})) done(std::move(reply));
}

void Weir::obey_rollout(QueuedCommand queued) {
  const std::string& service = queued.command.service;
  const auto told = [service, verb = queued.command.verb, actor = queued.command.actor](std::string_view why) {
    log::warn("command_refused",
              {{"service", service}, {"command", to_string(verb)}, {"actor", actor}, {"reason", why}});
  };
  if (!controller_.rollouts().contains(service)) {
    told("there is no such rollout");
    answer_with(std::move(queued.done), error_reply({.status = 404,
                                                     .code = "no_rollout",
                                                     .message = "there is no rollout of a service \"" + service + "\"",
                                                     .problems = {}}));
    return;
  }
  const analysis::Command command{.verb = rollout_verb(queued.command.verb),
                                  .weight_ppm = queued.command.weight_ppm,
                                  .actor = queued.command.actor};
  const auto done = [this, service, told,
                     answer = std::move(queued.done)](const std::optional<analysis::Refusal>& refusal) {
    news_ = true;
    if (refusal) {
      told(refusal->message);
      answer_with(answer, error_reply({.status = 409, .code = "refused", .message = refusal->message, .problems = {}}));
      return;
    }
    const auto rollout = controller_.rollouts().find(service);
    answer_with(answer, message_reply(rollout == controller_.rollouts().end() ? service : standing(rollout->second)));
  };
  controller_.command(service, command, done);
}

ApiReply Weir::refuse_reload(std::string_view actor, const ApiError& error) {
  ++reloads_refused_;
  news_ = true;
  plan_problem_ = "the plan that runs is not the one in " + plan_name_ + ": " + error.message;
  log::error("reload_refused", {{"actor", actor}, {"reason", error.message}});
  for (const std::string& problem : error.problems) log::error("plan_problem", {{"problem", problem}});
  return error_reply(error);
}

std::shared_ptr<const proxy::Topology> Weir::topology_of(const config::Config& config, const TlsFiles& tls) {
  return proxy::build_topology(config, names_, {limiters_, tls.contexts(), server_.topology().get()});
}

ApiReply Weir::reload(std::string_view actor) {
  if (!watch_) {
    return error_reply({.status = 409,
                        .code = "no_plan_file",
                        .message = "this weir runs without a plan file, so there is nothing to load again",
                        .problems = {}});
  }
  if (drain_.draining()) {
    log::warn("reload_refused", {{"reason", "draining"}, {"actor", actor}});
    return error_reply({.status = 409,
                        .code = "draining",
                        .message = "this weir drains, and takes no other plan; the next start will read the file",
                        .problems = {}});
  }
  watch_->seen();
  PlanFile plan = read_plan_file(plan_file_);
  if (!plan.ok()) {
    return refuse_reload(actor, {.status = 422,
                                 .code = "plan_refused",
                                 .message = "the plan has errors; nothing was changed",
                                 .problems = plan.messages()});
  }
  config::Config next = std::move(*plan.loaded.config);
  const std::vector<std::string> fixed = config::needs_restart(config_, next);
  if (!fixed.empty()) {
    return refuse_reload(actor, {.status = 409,
                                 .code = "needs_restart",
                                 .message = "a change of " + listed(fixed) + " needs a restart; nothing was changed",
                                 .problems = {}});
  }
  choose_access_log(next, access_log_path_);
  LogFile log = open_access_log(next);
  if (!log.error().empty()) {
    return refuse_reload(
        actor,
        {.status = 409, .code = "cannot_open_log", .message = log.error() + "; nothing was changed", .problems = {}});
  }
  std::vector<std::string> lowered = fit_connections(next, descriptors_);
  fit_memory(next, available_memory());
  auto tls = std::make_unique<TlsFiles>(next, tickets_, tls_.get());
  if (!tls->faults().empty()) {
    return refuse_reload(actor, {.status = 422,
                                 .code = "certificates_refused",
                                 .message = "the files of TLS cannot be used; nothing was changed",
                                 .problems = tls->faults()});
  }
  const std::vector<std::string> taken = server_.apply_topology(topology_of(next, *tls));
  if (!taken.empty()) {
    return refuse_reload(actor, {.status = 409,
                                 .code = "cannot_listen",
                                 .message = "a listener could not be opened; nothing was changed",
                                 .problems = taken});
  }
  take_access_log(std::move(log));
  config_ = std::move(next);
  tls_ = std::move(tls);
  lowered_ = std::move(lowered);
  plan_problem_.clear();
  controller_.set_plans(rollout_plans(config_, names_));
  admin_->set_token(config_.admin.token ? config_.admin.token->value : std::string());
  ++reloads_;
  for (const std::string& warning : plan.messages()) log::warn("plan_problem", {{"problem", warning}});
  for (const std::string& line : lowered_) log::warn("connections_lowered", {{"listener", line}});
  for (const std::string& version : tls_->unverified()) log::warn("endpoints_not_verified", {{"version", version}});
  note("reload", actor, "the plan was loaded again");
  return message_reply("the plan was loaded: " + std::to_string(config_.services.size()) + " services, " +
                       std::to_string(config_.rollouts.size()) + " rollouts");
}

ApiReply Weir::begin_drain(std::string_view actor) {
  if (drain_.draining()) return message_reply("draining already");
  const Drain::Times times = drain_times(config_);
  drain_.begin(times, clock_.now());
  note("drain", actor, "no new requests; what is under way finishes");
  advance_drain();
  const bool endless = times.streams == config::kNever;
  return message_reply("draining: requests have " + config::format_duration(times.requests) + " to finish, streams " +
                       (endless ? "as long as they need" : config::format_duration(times.streams)));
}

// Until the next start, whose command line says it anew; a reload leaves it.
ApiReply Weir::set_log_level(log::Level level, std::string_view actor) {
  const std::string change =
      "from " + std::string(log::to_string(log::set_level(level))) + " to " + std::string(log::to_string(level));
  note("log-level", actor, change);
  return message_reply("the log level changed " + change);
}

void Weir::advance_drain() {
  switch (drain_.advance(clock_.now(), server_.drained())) {
    case Drain::Action::kNone:
      return;
    case Drain::Action::kBeginDrain:
      server_.begin_drain();
      break;
    case Drain::Action::kCloseListeners:
      log::info("closing_listeners", {{"requests", server_.count(proxy::Count::kRequests)}});
      server_.close_listeners();
      break;
    case Drain::Action::kCutRequests:
      log::warn("cutting_requests", {{"requests", server_.count(proxy::Count::kRequests)}});
      server_.cut_requests();
      break;
    case Drain::Action::kStop:
      ended_ = true;
      break;
  }
  news_ = true;
}

// One that is not open: the plan wants none any more.
void Weir::take_access_log(LogFile log) {
  if (log.opened()) {
    access_log_.write_to(std::move(log));
  } else {
    access_log_.stop();
  }
}

// After a rename, as logrotate does it.
void Weir::reopen_access_log() {
  LogFile log = open_access_log(config_);
  if (!log.error().empty()) return log::error("access_log_not_reopened", {{"problem", log.error()}});
  if (log.opened()) access_log_.write_to(std::move(log));
}

// What an operator did that is about no rollout in particular.
void Weir::note(std::string_view decision, std::string_view actor, std::string_view reason) {
  news_ = true;
  controller_.note(json::Object{{"time", log::iso_time(unix_ms(clock_))},
                                {"service", ""},
                                {"decision", decision},
                                {"actor", actor},
                                {"reason", reason}});
}

// New records of the history, into the log and to those who look.
void Weir::tell_news() {
  const std::uint64_t version = controller_.history_version();
  if (version == history_told_) return;
  const auto& history = controller_.history();
  const auto fresh = std::min<std::uint64_t>(version - history_told_, history.size());
  history_told_ = version;
  news_ = true;
  for (auto record = history.end() - static_cast<std::ptrdiff_t>(fresh); record != history.end(); ++record) {
    const std::string& decision = (*record)["decision"].string();
    const bool alarm =
        decision == "pause" && (*record)["actor"].string() == "weir" && (*record)["rule"].string() != "plan";
    const bool bad = decision == "rollback" || alarm;
    log::write(bad ? log::Level::kWarn : log::Level::kInfo, "decision",
               {{"service", (*record)["service"].string()},
                {"decision", decision},
                {"candidate", (*record)["candidate"].string()},
                {"weight_percent", (*record)["weight_after_percent"].number()},
                {"actor", (*record)["actor"].string()},
                {"reason", (*record)["reason"].string()}});
  }
  published_.show_history({history.begin(), history.end()});
}

void Weir::tell_store() {
  const analysis::StoreHealth health = controller_.store_health();
  const bool failed = !health.writable;
  if (health.notice != store_notice_) {
    store_notice_ = health.notice;
    log::warn("state_file_replaced",
              {{"path", config_.state.path}, {"what", "the file that was there " + health.notice}});
  }
  const bool forgotten = failed && health.forgets_rollbacks;
  if (forgotten && !rollbacks_forgotten_) {
    log::error("rollback_not_kept",
               {{"problem", health.problem}, {"effect", "a restart before it is written serves the candidate again"}});
  }
  rollbacks_forgotten_ = forgotten;
  const bool again = failed && clock_.now() - store_told_ >= kStoreAgain;
  if (failed == !store_problem_.empty() && !again) return;
  news_ = true;
  store_told_ = clock_.now();
  store_problem_ = health.problem;
  if (failed) {
    log::error("state_not_written", {{"problem", health.problem}, {"effect", "no weight rises until it is"}});
  } else {
    log::info("state_written_again", {{"path", config_.state.path}});
  }
}

// At the end: what the next start will not know.
void Weir::tell_unsaved() const {
  const bool kept = !controller_.store_health().forgets_rollbacks;
  for (const auto& [service, rollout] : controller_.rollouts()) {
    if (rollout.durable()) continue;
    const bool closed = kept && rollout.state().phase == analysis::Phase::kRolledBack;
    log::write(closed ? log::Level::kWarn : log::Level::kError, "decision_not_saved",
               {{"decision", standing(rollout)},
                {"reason", rollout.state().reason},
                {"effect", closed ? "the next start keeps it on its baseline, and does not know why"
                                  : "the next start goes on from what was decided before"}});
  }
}

std::vector<std::string> Weir::problems(const std::vector<EndpointStanding>& endpoints) const {
  std::vector<std::string> lines = endpoint_problems(endpoints);
  if (!store_problem_.empty()) {
    lines.push_back("the state is not written, and no weight rises until it is: " + store_problem_);
  }
  const auto lost = [this](const auto& entry) {
    const analysis::RolloutState& state = entry.second.state();
    return state.phase == analysis::Phase::kRolledBack && state.reason.starts_with(lost_state_);
  };
  const auto& rollouts = controller_.rollouts();
  if (!lost_state_.empty() && std::any_of(rollouts.begin(), rollouts.end(), lost)) lines.push_back(lost_state_);
  if (!plan_problem_.empty()) lines.push_back(plan_problem_);
  lines.insert(lines.end(), lowered_.begin(), lowered_.end());
  const std::vector<std::string> certificates = tls_->problems();
  lines.insert(lines.end(), certificates.begin(), certificates.end());
  return lines;
}

void Weir::publish() {
  const SteadyTime begun = clock_.now();
  news_ = false;
  View view;
  view.ready = serving_ && !drain_.draining();
  for (const auto& [name, service] : config_.services) view.services.push_back(name);
  view.reloads = reloads_;
  view.reloads_refused = reloads_refused_;
  view.admin_turned_away = admin_->connections_turned_away();
  const analysis::StoreHealth health = controller_.store_health();
  view.store = {.healthy = health.writable, .pending = health.pending, .failures = health.failures};
  const std::vector<EndpointStanding> endpoints = endpoint_standings(*server_.topology(), begun);
  endpoint_log_.tell(endpoints);
  const json::Value document = status_document({.config = config_,
                                                .names = names_,
                                                .controller = controller_,
                                                .traffic = recent_,
                                                .endpoints = endpoints,
                                                .plan = plan_name_,
                                                .listeners = server_.addresses(),
                                                .problems = problems(endpoints),
                                                .unix_ms = unix_ms(clock_),
                                                .uptime_s = std::chrono::duration<double>(begun - started_).count(),
                                                .ready = view.ready,
                                                .draining = drain_.draining()});
  for (const json::Value& service : document["services"].array()) {
    const json::Value& rollout = service["rollout"];
    if (!rollout.is_object()) continue;
    RolloutSample sample{.service = service["name"].string(),
                         .phase = rollout["phase"].string(),
                         .weight = rollout["weight_percent"].number() / 100,
                         .guards = {}};
    for (const json::Value& guard : rollout["guards"].array()) {
      sample.guards.push_back({.guard = guard["name"].string(),
                               .toward_rollback = guard["toward_rollback"].number(),
                               .toward_advance = guard["toward_advance"].number()});
    }
    view.rollouts.push_back(std::move(sample));
  }
  view.status = json::write(document);
  published_.show(std::move(view));
  const auto took = clock_.now() - begun;
  next_publish_ = clock_.now() + std::max<SteadyTime::duration>(kPublishPeriod, took * kPublishShare);
}

void Weir::finish() {
  server_.stop();
  access_log_.stop();
  const std::int64_t cut = server_.count(proxy::Count::kRequestsCut);
  controller_.save();
  for (const SteadyTime end = clock_.now() + kSavePatience; !saved() && clock_.now() < end;) {
    std::this_thread::sleep_for(kPollPeriod);
  }
  if (!saved()) tell_unsaved();
  commands_.close();
  admin_->stop();
  log::info("ended", {{"requests_cut", cut}, {"state_saved", saved()}});
}

}  // namespace weir::app
