#include "app/status.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "analysis/rollout/status.h"
#include "app/build/build_info.h"
#include "app/feedback/words.h"
#include "base/log.h"

namespace weir::app {
namespace {

json::Value milliseconds_of(const std::optional<double>& us) { return us ? json::Value(*us / 1000) : json::Value(); }

json::Array endpoints_out(const std::string& service, const std::string& version, const StatusFacts& facts) {
  json::Array out;
  for (const EndpointStanding& standing : facts.endpoints) {
    if (standing.service != service || standing.version != version || !standing.out()) continue;
    out.push_back(json::Object{{"endpoint", standing.endpoint}, {"reason", standing.reason()}});
  }
  return out;
}

json::Value version_json(const std::string& name, const config::Version& version, const TrafficFigures& figures,
                         json::Array out) {
  json::Array endpoints;
  for (const config::Endpoint& endpoint : version.endpoints) endpoints.emplace_back(endpoint.url);
  return json::Object{{"name", name},
                      {"endpoints", std::move(endpoints)},
                      {"endpoints_out", std::move(out)},
                      {"requests", figures.requests},
                      {"rate", figures.per_second},
                      {"error_percent", 100 * figures.error_share},
                      {"p50_ms", milliseconds_of(figures.p50_us)},
                      {"p90_ms", milliseconds_of(figures.p90_us)},
                      {"p99_ms", milliseconds_of(figures.p99_us)}};
}

json::Value rollout_json(const analysis::Rollout& rollout, const StatusFacts& facts) {
  const json::Value status = analysis::rollout_status(rollout);
  json::Object out = status.object();
  if (status["shadow"].is_object()) {
    json::Object shadow = status["shadow"].object();
    out.set("shadow", shadow.set("uncounted", facts.comparisons_dropped));
  }
  if (!rollout.scored()) return out;
  const FeedbackDesk& feedback = facts.feedback;
  out.set("waits", waits_with_forgotten(status["waits"].array(), feedback.forgotten_unscored(rollout.plan().identity)));
  out.set("feedback", feedback.standing(rollout.plan().identity));
  return out;
}

json::Value service_json(const std::string& name, const config::Service& service, const StatusFacts& facts) {
  json::Array versions;
  for (const auto& [version_name, version] : service.versions) {
    const VersionId id = facts.names.versions.find(name + "/" + version_name);
    versions.push_back(
        version_json(version_name, version, facts.traffic.of(id), endpoints_out(name, version_name, facts)));
  }
  json::Object out{{"name", name}, {"versions", std::move(versions)}};
  if (!service.weights_ppm.empty()) {
    json::Object weights;
    for (const auto& [version_name, ppm] : service.weights_ppm) weights.set(version_name, ppm / 10'000.0);
    out.set("weights_percent", std::move(weights));
  }
  const auto rollout = facts.controller.rollouts().find(name);
  const bool rolled_out = rollout != facts.controller.rollouts().end();
  out.set("rollout", rolled_out ? rollout_json(rollout->second, facts) : json::Value());
  return out;
}

json::Value store_json(const analysis::StoreHealth& health, const std::string& path) {
  return json::Object{{"path", path},
                      {"writable", health.writable},
                      {"problem", health.problem},
                      {"pending", health.pending},
                      {"failures", health.failures}};
}

}  // namespace

json::Value status_document(const StatusFacts& facts) {
  json::Array services;
  for (const auto& [name, service] : facts.config.services) services.push_back(service_json(name, service, facts));
  return json::Object{{"version", version()},
                      {"pid", static_cast<std::int64_t>(::getpid())},
                      {"time", log::iso_time(facts.unix_ms)},
                      {"uptime_s", facts.uptime_s},
                      {"ready", facts.ready},
                      {"draining", facts.draining},
                      {"plan", facts.plan},
                      {"listeners", json::Array(facts.listeners.begin(), facts.listeners.end())},
                      {"problems", json::Array(facts.problems.begin(), facts.problems.end())},
                      {"state", store_json(facts.controller.store_health(), facts.config.state.path)},
                      {"services", std::move(services)}};
}

std::vector<RolloutSample> rollout_samples(const json::Value& status) {
  std::vector<RolloutSample> samples;
  for (const json::Value& service : status["services"].array()) {
    const json::Value& rollout = service["rollout"];
    if (!rollout.is_object()) continue;
    RolloutSample sample{.service = service["name"].string(),
                         .phase = rollout["phase"].string(),
                         .weight = rollout["weight_percent"].number() / 100,
                         .guards = {},
                         .split = {}};
    if (const json::Value& split = rollout["split"]; split.is_object()) {
      sample.split = SplitSample{.baseline = split["baseline"].number(),
                                 .candidate = split["candidate"].number(),
                                 .toward_alarm = split["toward_alarm"].number()};
    }
    for (const json::Value& guard : rollout["guards"].array()) {
      sample.guards.push_back({.guard = guard["name"].string(),
                               .toward_rollback = guard["toward_rollback"].number(),
                               .toward_advance = guard["toward_advance"].number()});
    }
    for (const json::Value& budget : rollout["budgets"].array()) {
      sample.budgets.push_back(
          {.budget = budget["name"].string(), .spent = budget["spent"].number() / budget["limit"].number(1)});
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace weir::app
