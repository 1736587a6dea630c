#include "app/weir.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "app/cli/invocation.h"
#include "app/explain/measured.h"
#include "app/feedback/words.h"
#include "app/rollout_plans.h"
#include "app/secret_text.h"
#include "app/status.h"
#include "base/json.h"
#include "config/address.h"
#include "config/units.h"

namespace weir::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kPublishPeriod{500};
constexpr int kPublishShare = 10;              // at most one part in so many of the time goes into the status document
constexpr milliseconds kStorePatience{1'000};  // at start, before everybody is served by the baseline
constexpr milliseconds kSavePatience{2'000};   // at the end
constexpr milliseconds kTellPatience{2'000};   // at the end, for what webhooks have not been told yet
constexpr milliseconds kPollPeriod{5};

std::int64_t unix_ms(const Clock& clock) {
  return std::chrono::duration_cast<milliseconds>(clock.wall_now().time_since_epoch()).count();
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
    case ApiVerb::kFeedback:
      break;
  }
  return Verb::kPause;
}

AdminOptions admin_options(const config::Admin& admin) {
  AdminOptions options;
  // A plan whose address is none was refused.
  options.address = config::parse_listen_address(admin.address).value_or(options.address);
  options.token = secret_of(admin.token);
  return options;
}

AdminOptions scores_options(const config::Feedback& feedback) {
  AdminOptions options;
  options.address = config::parse_listen_address(feedback.address).value_or(options.address);
  options.token = secret_of(feedback.token);
  options.scores_alone = true;
  return options;
}

}  // namespace

Weir::Weir(Signals& signals, Setup setup)
    : signals_(signals),
      lost_state_(setup.state.lost),
      plan_(std::move(setup.config), std::move(setup.origin), unix_ms(clock_)),
      server_({.workers = plan_.config().workers}),
      requests_(names_),
      answer_metrics_(names_),
      shadow_metrics_(names_),
      recent_(clock_),
      access_log_([this](const AccessLogFile::Visit& visit) { server_.drain_access_lines(visit); }),
      feedback_(clock_, [this](std::uint64_t identity) { return rollout_of(identity); }),
      source_(server_, {.metrics = requests_,
                        .answers = answer_metrics_,
                        .recent = recent_,
                        .feedback = feedback_,
                        .shadow = shadow_metrics_,
                        .webhooks = webhooks_}),
      traffic_(server_),
      journal_(std::move(setup.state.journal)),
      records_(clock_, plan_.config().state),
      controller_({.clock = clock_,
                   .source = source_,
                   .traffic = traffic_,
                   .store = *journal_,
                   .recorder = records_.recorder()},
                  past_of(setup.state)),
      published_({.clock = clock_,
                  .server = server_,
                  .requests = requests_,
                  .answers = answer_metrics_,
                  .shadow = shadow_metrics_,
                  .access_log = access_log_,
                  .commands = commands_}),
      admin_(std::make_unique<AdminServer>(admin_options(plan_.config().admin), published_)),
      scores_(std::make_unique<AdminServer>(scores_options(plan_.config().feedback), published_)),
      started_(clock_.now()),
      next_tick_(started_),
      next_look_(started_),
      next_publish_(started_),
      decision_log_(controller_),
      store_log_(plan_.config().state.path) {}

Weir::~Weir() = default;

std::vector<std::string> Weir::start(StartWatch& watch) {
  const AboutTo about_to = [&watch](std::string_view what) { watch.about_to(what); };
  std::vector<std::string> errors = plan_.open_tls(about_to);
  if (!errors.empty()) return errors;
  watch.about_to({});
  resolution_.follow(plan_.config());
  resolution_.wait_for(plan_.config(), clock_);
  const std::shared_ptr<const proxy::Topology> topology = topology_of(plan_.config(), plan_.tls());
  webhooks_.follow(plan_.config());
  controller_.set_plans(rollout_plans(plan_.config(), names_));
  watch.about_to(memory_file(plan_.config()));
  feedback_.follow(plan_.config(), remember(plan_.config()));
  watch.about_to({});
  answer_metrics_.follow(plan_.config());
  show_config();
  // What was decided in earlier lives is no news, but has to be there.
  show_history();
  // Served from the first request on as was last decided, if the disk takes a write within a moment.
  for (const SteadyTime end = clock_.now() + kStorePatience; !controller_.open() && clock_.now() < end;) {
    controller_.tick();
    std::this_thread::sleep_for(kPollPeriod);
  }
  LogFile log = plan_.open_log(about_to);
  if (!log.error().empty()) return {log.error()};
  watch.end();
  errors = server_.start(topology);
  if (!errors.empty()) return errors;
  access_log_.write_to(std::move(log));
  std::string error = admin_->start();
  if (error.empty() && !plan_.config().feedback.address.empty()) error = scores_->start();
  if (!error.empty()) {
    server_.stop();
    return {std::move(error)};
  }
  serving_ = true;
  if (!lost_state_.empty()) log::error("state_lost", {{"reason", lost_state_}});
  plan_.tell();
  for (const std::string& address : server_.addresses()) {
    log::info("listening", {{"address", address}, {"workers", server_.workers()}});
  }
  log::info("serving",
            {{"plan", plan_.name()}, {"admin", plan_.config().admin.address}, {"state", plan_.config().state.path}});
  return {};
}

int Weir::run() {
  while (!ended_) {
    wait();
    for (const Signal signal : signals_.take()) on_signal(signal);
    for (QueuedCommand& queued : commands_.take()) obey(std::move(queued));
    if (clock_.now() >= next_tick_) tick();
    use_disk();
    tell_news();
    if (news_ || clock_.now() >= next_publish_) publish();
    answer();
  }
  finish();
  return at_once_ ? kExitEndedAtOnce : kExitOk;
}

void Weir::wait() const {
  const auto left = std::chrono::ceil<milliseconds>(next_tick_ - clock_.now());
  std::array<pollfd, 3> events{
      {{signals_.descriptor(), POLLIN, 0}, {commands_.descriptor(), POLLIN, 0}, {disk_.descriptor(), POLLIN, 0}}};
  ::poll(events.data(), events.size(), static_cast<int>(std::max<milliseconds::rep>(0, left.count())));
}

void Weir::tick() {
  const SteadyTime now = clock_.now();
  next_tick_ = std::max(next_tick_ + kTick, now);  // what was missed is not made up for
  controller_.tick();
  recent_.turn();
  published_.turned();
  look_at_names();
  advance_drain();
  if (store_log_.tell(controller_.store_health(), now)) news_ = true;
  if (records_.tell()) news_ = true;
  if (disk_.tell(now)) news_ = true;
  if (access_log_.tell(now)) news_ = true;
  answer_the_patient(now);
  tell_requests();
  ask_judges();
}

// A rollout that is gone has no judges either.
void Weir::ask_judges() {
  server_.drain_pairs([&](const std::unique_ptr<proxy::JudgedPair>& pair) {
    const std::string& service = names_.services.name(pair->comparison.service);
    const auto at = controller_.rollouts().find(service);
    if (at == controller_.rollouts().end()) return;
    const analysis::RolloutKey& key = at->second.plan().key;
    webhooks_.ask(*pair, {.service = key.service,
                          .baseline = key.baseline,
                          .candidate = key.candidate,
                          .revision = key.revision,
                          .unix_ms = unix_ms(clock_)});
  });
}

// What the workers have to say at log level debug.
void Weir::tell_requests() {
  server_.drain_debug_lines(log::write_lines);
  const std::uint64_t dropped = server_.debug_lines_dropped();
  const std::uint64_t more = dropped - std::exchange(debug_lines_dropped_, dropped);
  if (more > 0) log::write(log::Level::kDebug, "request_lines_dropped", {{"count", more}});
}

// Endpoints that stay keep what is known of them, and their connections.
void Weir::look_at_names() {
  const std::vector<std::string> before = resolution_.problems();
  const bool changed = resolution_.look();
  if (resolution_.problems() != before) news_ = true;
  if (changed && !drain_.draining()) {
    server_.apply_topology(topology_of(plan_.config(), plan_.tls()));
    news_ = true;
  }
  if (!reload_) return;
  if (!resolution_.settled(reload_->next.config) && clock_.now() < reload_->until && !drain_.draining()) return;
  take_plan(*std::exchange(reload_, std::nullopt));
}

void Weir::on_signal(Signal signal) {
  if (signal == Signal::kReload) {
    reload("SIGHUP");
  } else if (signal == Signal::kReopenLogs) {
    reopens_ = true;
  } else if (!drain_.draining()) {
    begin_drain("signal");
  } else {
    log::warn("ending_at_once", {});
    at_once_ = ended_ = true;
  }
}

void Weir::obey(QueuedCommand queued) {
  if (queued.command.verb == ApiVerb::kFeedback) {
    return answer_with(std::move(queued.done), take_scores(*queued.command.scores));
  }
  news_ = true;
  if (queued.command.verb == ApiVerb::kReload) {
    reload(std::move(queued.command.actor), std::move(queued.done));
  } else if (queued.command.verb == ApiVerb::kDrain) {
    answer_with(std::move(queued.done), begin_drain(queued.command.actor));
  } else if (queued.command.verb == ApiVerb::kLogLevel) {
    answer_with(std::move(queued.done), set_log_level(queued.command.log_level, queued.command.actor));
  } else {
    obey_rollout(std::move(queued));
  }
}

std::optional<ScoredRollout> Weir::rollout_of(std::uint64_t identity) const {
  for (const auto& [service, rollout] : controller_.rollouts()) {
    const analysis::RolloutPlan& plan = rollout.plan();
    if (plan.identity != identity) continue;
    return ScoredRollout{.judge = rollout.judging(),
                         .epoch = rollout.epoch(),
                         .service = plan.service,
                         .versions = {plan.baseline, plan.candidate}};
  }
  return {};
}

ApiReply Weir::take_scores(const Post& post) {
  return {.status = 202, .body = feedback_reply(post, feedback_.take(post))};
}

void Weir::answer_with(Done done, ApiReply reply) {
  if (done) answers_.emplace_back(std::move(done), std::move(reply));
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

std::shared_ptr<const proxy::Topology> Weir::topology_of(const config::Config& config, const TlsFiles& tls) {
  return proxy::build_topology(config, names_,
                               {limiters_, tls.contexts(), server_.topology().get(), &resolution_.known()});
}

ApiReply Weir::begin_drain(std::string_view actor) {
  if (drain_.draining()) return message_reply("draining already");
  const Drain::Times times = drain_times(plan_.config());
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
      cut_requests();
      break;
    case Drain::Action::kStop:
      ended_ = true;
      break;
  }
  news_ = true;
}

// Streams, which go on, are not among them.
void Weir::cut_requests() {
  const std::int64_t under_way = server_.count(proxy::Count::kRequests);
  const std::int64_t before = server_.count(proxy::Count::kRequestsCut);
  server_.cut_requests();
  const std::int64_t cut = server_.count(proxy::Count::kRequestsCut) - before;
  const log::Level level = cut > 0 ? log::Level::kWarn : log::Level::kInfo;
  log::write(level, "cutting_requests", {{"requests", cut}, {"streams", std::max<std::int64_t>(0, under_way - cut)}});
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

// New records of the history, to those who look too.
void Weir::tell_news() {
  if (!decision_log_.tell([this](const json::Value& record) { webhooks_.tell(record); })) return;
  news_ = true;
  show_history();
}

void Weir::show_config() { published_.show_config(json::write(plan_.document(server_.workers()))); }

void Weir::show_history() {
  const auto& history = controller_.history();
  published_.show_history({history.begin(), history.end()});
}

std::vector<std::string> Weir::problems(const std::vector<EndpointStanding>& endpoints) const {
  std::vector<std::string> lines = endpoint_problems(endpoints);
  const std::vector<std::string> of_names = resolution_.problems();
  lines.insert(lines.end(), of_names.begin(), of_names.end());
  if (!store_log_.problem().empty()) {
    lines.push_back("the state is not written, and no weight rises until it is: " + store_log_.problem());
  }
  if (!records_.problem().empty()) lines.push_back("decision records are not written: " + records_.problem());
  if (!feedback_.problem().empty()) {
    lines.push_back("a restart will forget which requests scores are about: " + feedback_.problem());
  }
  const auto lost = [this](const auto& entry) {
    const analysis::RolloutState& state = entry.second.state();
    return state.phase == analysis::Phase::kRolledBack && state.reason.starts_with(lost_state_);
  };
  const auto& rollouts = controller_.rollouts();
  if (!lost_state_.empty() && std::any_of(rollouts.begin(), rollouts.end(), lost)) lines.push_back(lost_state_);
  for (const WebhookStanding& webhook : webhooks_.standings()) {
    if (!webhook.problem.empty()) lines.push_back(webhook.problem);
  }
  if (!disk_.problem().empty()) lines.push_back(disk_.problem());
  if (!access_log_.problem().empty()) lines.push_back(access_log_.problem());
  const std::vector<std::string> of_plan = plan_.problems();
  lines.insert(lines.end(), of_plan.begin(), of_plan.end());
  return lines;
}

void Weir::publish() {
  const SteadyTime begun = clock_.now();
  news_ = false;
  View view;
  view.ready = serving_ && !drain_.draining();
  for (const auto& [name, service] : plan_.config().services) view.services.push_back(name);
  view.reloads = plan_.reloads();
  view.reloads_refused = plan_.reloads_refused();
  view.admin_turned_away = admin_->connections_turned_away() + scores_->connections_turned_away();
  const analysis::StoreHealth health = controller_.store_health();
  view.store = {.healthy = health.writable, .pending = health.pending, .failures = health.failures};
  view.records = records_.sample();
  view.names = resolution_.sample();
  view.feedback = {.fates = feedback_.total(), .waiting = feedback_.waiting(), .forgotten = feedback_.forgotten()};
  view.webhooks = webhooks_.standings();
  view.certificates = plan_.tls().samples(unix_ms(clock_) / 1'000);
  const std::vector<EndpointStanding> endpoints = endpoint_standings(*server_.topology(), begun);
  endpoint_log_.tell(endpoints);
  const json::Value document = status_document({.config = plan_.config(),
                                                .names = names_,
                                                .controller = controller_,
                                                .traffic = recent_,
                                                .feedback = feedback_,
                                                .endpoints = endpoints,
                                                .plan = plan_.name(),
                                                .listeners = server_.addresses(),
                                                .problems = problems(endpoints),
                                                .comparisons_dropped = server_.comparisons_dropped(),
                                                .unix_ms = unix_ms(clock_),
                                                .uptime_s = std::chrono::duration<double>(begun - started_).count(),
                                                .ready = view.ready,
                                                .draining = drain_.draining()});
  view.rollouts = rollout_samples(document);
  view.status = json::write(document);
  view.traffic = json::write(traffic_document(
      {.config = plan_.config(), .names = names_, .recent = recent_, .memories = controller_.memories()}));
  published_.show(std::move(view));
  const auto took = clock_.now() - begun;
  next_publish_ = clock_.now() + std::max<SteadyTime::duration>(kPublishPeriod, took * kPublishShare);
}

void Weir::finish() {
  server_.stop();
  tell_requests();
  const std::int64_t cut = server_.count(proxy::Count::kRequestsCut);
  controller_.save();
  access_log_.stop(at_once_ ? milliseconds(0) : AccessLogFile::kPatience);
  for (const SteadyTime end = clock_.now() + kSavePatience; !saved() && clock_.now() < end;) {
    std::this_thread::sleep_for(kPollPeriod);
  }
  records_.finish(kSavePatience);
  disk_.at_rest(at_once_ ? milliseconds(0) : kSavePatience);
  if (!saved()) decision_log_.tell_unsaved();
  tell_news();
  webhooks_.finish(at_once_ ? milliseconds(0) : kTellPatience);
  commands_.close();
  scores_->stop();
  admin_->stop();
  log::info("ended", {{"requests_cut", cut}, {"state_saved", saved()}});
}

}  // namespace weir::app
