// What a weir does about files while it runs: it follows those of the plan and of TLS, loads the plan again and opens its
// access log anew. Whatever may wait for a disk is done by the disk thread.
#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "app/rollout_plans.h"
#include "app/secret_text.h"
#include "app/status.h"
#include "app/weir.h"

namespace weir::app {
namespace {

constexpr std::chrono::seconds kLookPeriod{1};
constexpr std::string_view kFile = "file";  // who asks for a reload when the plan's file has changed

std::int64_t unix_ms(const Clock& clock) {
  return std::chrono::duration_cast<Milliseconds>(clock.wall_now().time_since_epoch()).count();
}

ApiReply refuse_while_draining(std::string_view actor) {
  log::warn("reload_refused", {{"reason", "draining"}, {"actor", actor}});
  return error_reply({.status = 409,
                      .code = "draining",
                      .message = "this weir drains, and takes no other plan; the next start will read the file",
                      .problems = {}});
}

}  // namespace

// One thing after another: what is asked for is before what is looked at.
void Weir::use_disk() {
  disk_.take();
  if (!disk_.idle()) return;
  if (reopens_) {
    reopens_ = false;
    reopen_access_log();
  } else if (!asked_.empty()) {
    read_plan();
  } else if (!drain_.draining() && clock_.now() >= next_look_) {
    next_look_ = clock_.now() + kLookPeriod;
    look_at_files();
  }
}

void Weir::look_at_files() {
  disk_.run([this, look = plan_.look(unix_ms(clock_) / 1'000)](const AboutTo& about_to) -> DiskThread::Done {
    return [this, seen = look(about_to)] { take_seen(seen); };
  });
}

// Connections that began with the old certificates keep them.
void Weir::take_seen(const FilesSeen& seen) {
  const std::vector<std::string> before = plan_.tls().problems();
  if (plan_.take(seen)) server_.apply_topology(topology_of(plan_.config(), plan_.tls()));
  if (plan_.tls().problems() != before) news_ = true;
  if (seen.plan_changed && !drain_.draining()) reload(std::string(kFile));
}

// After a rename, as logrotate does it.
void Weir::reopen_access_log() {
  const std::string path = plan_.access_log_path();
  if (path.empty()) return;
  disk_.run([this, path](const AboutTo& about_to) -> DiskThread::Done {
    about_to("the access log " + path);
    const auto log = std::make_shared<LogFile>(LogFile::open(path));
    return [this, path, log] {
      if (!log->error().empty()) return log::error("access_log_not_reopened", {{"problem", log->error()}});
      if (plan_.access_log_path() == path) access_log_.write_to(std::move(*log));
    };
  });
}

void Weir::reload(std::string actor, Done done) {
  if (!plan_.has_file()) {
    return answer_with(std::move(done),
                       error_reply({.status = 409,
                                    .code = "no_plan_file",
                                    .message = "this weir runs without a plan file, so there is nothing to load again",
                                    .problems = {}}));
  }
  if (drain_.draining()) return answer_with(std::move(done), refuse_while_draining(actor));
  // One that has not begun yet will do.
  const auto same = [&](const Asked& asked) { return asked.actor == actor && !asked.done; };
  if (!done && std::any_of(asked_.begin(), asked_.end(), same)) return;
  asked_.push_back({std::move(actor), std::move(done), clock_.now() + DiskThread::kPatience});
}

void Weir::read_plan() {
  if (reload_) take_plan(*std::exchange(reload_, std::nullopt));  // as it is, before the next one
  being_read_ = std::move(asked_.front());
  asked_.pop_front();
  const bool remembers = feedback_.remembers();
  disk_.run([this, remembers, reading = plan_.reading()](const AboutTo& about_to) -> DiskThread::Done {
    const auto read = std::make_shared<PlanRead>(reading(about_to));
    if (auto* next = std::get_if<NextPlan>(&read->said); next != nullptr && !remembers) {
      about_to(memory_file(next->config));
      next->memory = remember(next->config);
    }
    return [this, read] { take_read(std::move(*read)); };
  });
}

// Names that are new are resolved before their plan runs, or have had their time: served without addresses they would
// fail requests. The control thread does not wait for them, but comes back.
void Weir::take_read(PlanRead read) {
  Asked asked = *std::exchange(being_read_, std::nullopt);
  const bool news = plan_.was_read(read);
  if (drain_.draining()) return answer_with(std::move(asked.done), refuse_while_draining(asked.actor));
  if (const auto* error = std::get_if<ApiError>(&read.said)) {
    if (!news && asked.actor == kFile) return;
    return answer_with(std::move(asked.done), refuse_reload(asked.actor, *error));
  }
  Reload reload{.next = std::move(std::get<NextPlan>(read.said)),
                .actor = std::move(asked.actor),
                .done = std::move(asked.done),
                .until = clock_.now() + EndpointResolution::kPatience};
  resolution_.prepare(reload.next.config);
  if (resolution_.settled(reload.next.config)) return take_plan(std::move(reload));
  reload_ = std::move(reload);
}

// Whoever has asked for a reload is not kept waiting by a disk; what he has asked for is done all the same.
void Weir::answer_the_patient(SteadyTime now) {
  const auto answer = [&](Asked& asked) {
    if (!asked.done || now < asked.until) return;
    answer_with(std::exchange(asked.done, {}),
                error_reply({.status = 504,
                             .code = "not_read_yet",
                             .message = "the plan and its files have not been read yet, as a disk does not answer; it is "
                                        "loaded once they are",
                             .problems = {}}));
    news_ = true;
  };
  if (being_read_) answer(*being_read_);
  std::for_each(asked_.begin(), asked_.end(), answer);
}

ApiReply Weir::refuse_reload(std::string_view actor, const ApiError& error) {
  news_ = true;
  plan_.refuse(actor, error);
  show_config();
  return error_reply(error);
}

void Weir::take_plan(Reload reload) {
  if (drain_.draining()) {
    resolution_.follow(plan_.config());
    return answer_with(std::move(reload.done), refuse_while_draining(reload.actor));
  }
  const std::vector<std::string> taken =
      server_.apply_topology(topology_of(reload.next.config, *reload.next.tls), proxy::LostFiles::kMakeAgain);
  if (!taken.empty()) {
    resolution_.follow(plan_.config());
    return answer_with(std::move(reload.done),
                       refuse_reload(reload.actor, {.status = 409,
                                                    .code = "cannot_listen",
                                                    .message = "a listener could not be opened; nothing was changed",
                                                    .problems = taken}));
  }
  access_log_.write_to(std::move(reload.next.access_log));
  std::unique_ptr<JoinStore> memory = std::move(reload.next.memory);
  plan_.take(std::move(reload.next), unix_ms(clock_));
  show_config();
  const config::Config& config = plan_.config();
  resolution_.follow(config);
  webhooks_.follow(config);
  controller_.set_plans(rollout_plans(config, names_));
  feedback_.follow(config, std::move(memory));
  answer_metrics_.follow(config);
  admin_->set_token(secret_of(config.admin.token));
  scores_->set_token(secret_of(config.feedback.token));
  note("reload", reload.actor, "the plan was loaded again");
  answer_with(std::move(reload.done),
              message_reply("the plan was loaded: " + std::to_string(config.services.size()) + " services, " +
                            std::to_string(config.rollouts.size()) + " rollouts"));
}

}  // namespace weir::app
