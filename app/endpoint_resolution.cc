#include "app/endpoint_resolution.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/log.h"
#include "proxy/resolve/endpoint_names.h"

namespace weir::app {
namespace {

using Name = proxy::Resolution::Name;

constexpr std::chrono::milliseconds kPollPeriod{5};
constexpr std::size_t kListed = 3;

// The first few: "10.0.0.1, 10.0.0.2".
std::string listed(const std::vector<std::string>& addresses) {
  std::string text;
  for (std::size_t i = 0; i < std::min(addresses.size(), kListed); ++i) text += (i > 0 ? ", " : "") + addresses[i];
  return addresses.size() > kListed ? text + ", …" : text;
}

std::string effect_of(const Name& name) {
  return name.addresses.empty() ? "nothing can be sent there"
                                : "the addresses known last stay in use: " + listed(name.addresses);
}

std::string too_many(const Name& name) {
  return "it has " + std::to_string(name.addresses.size() + name.left_out) + " addresses, and " +
         std::to_string(name.addresses.size()) + " of them are used";
}

void tell(const std::string& name, const Name& before, const Name& now) {
  if (before.problem.empty() && !now.problem.empty()) {
    log::warn("name_not_resolved", {{"name", name}, {"problem", now.problem}, {"effect", effect_of(now)}});
  }
  if (!before.problem.empty() && now.problem.empty()) {
    log::info("name_resolved", {{"name", name}, {"addresses", listed(now.addresses)}});
  }
  if (before.left_out == 0 && now.left_out > 0) {
    log::warn("addresses_left_out", {{"name", name}, {"problem", too_many(now)}});
  }
  if (before.addresses != now.addresses) {
    log::debug("name_addresses", {{"name", name}, {"count", now.addresses.size()}, {"first", listed(now.addresses)}});
  }
}

}  // namespace

void EndpointResolution::follow(const config::Config& plan) {
  names_ = proxy::endpoint_names(plan);
  resolver_.want({names_, plan.dns});
}

void EndpointResolution::prepare(const config::Config& next) {
  std::set<std::string> all = proxy::endpoint_names(next);
  all.insert(names_.begin(), names_.end());
  resolver_.want({std::move(all), next.dns});
}

bool EndpointResolution::settled(const config::Config& plan) const {
  return known_->settled(proxy::endpoint_names(plan));
}

void EndpointResolution::wait_for(const config::Config& plan, const Clock& clock) {
  for (const SteadyTime end = clock.now() + kPatience;;) {
    look();
    if (settled(plan) || clock.now() >= end) return;
    std::this_thread::sleep_for(kPollPeriod);
  }
}

bool EndpointResolution::look() {
  std::shared_ptr<const proxy::Resolution> now = resolver_.current();
  if (now == known_) return false;
  bool changed = false;
  for (const auto& [name, standing] : now->names) {
    const auto at = known_->names.find(name);
    const Name before = at == known_->names.end() ? Name() : at->second;
    tell(name, before, standing);
    changed = changed || before.addresses != standing.addresses;
  }
  known_ = std::move(now);
  return changed;
}

std::vector<std::string> EndpointResolution::problems() const {
  std::vector<std::string> lines;
  for (const std::string& name : names_) {
    const auto at = known_->names.find(name);
    const Name standing = at == known_->names.end() ? Name() : at->second;
    if (!standing.problem.empty()) {
      lines.push_back(name + " cannot be resolved (" + standing.problem + "); " + effect_of(standing));
    } else if (!standing.settled && standing.addresses.empty()) {
      lines.push_back(name + " is not resolved yet; " + effect_of(standing));
    }
    if (standing.left_out > 0) lines.push_back(name + ": " + too_many(standing));
  }
  return lines;
}

NameSample EndpointResolution::sample() const {
  NameSample sample{.names = names_.size(), .failing = 0, .lookups = known_->lookups, .failures = known_->failures};
  for (const std::string& name : names_) {
    const auto at = known_->names.find(name);
    if (at != known_->names.end() && !at->second.problem.empty()) ++sample.failing;
  }
  return sample;
}

}  // namespace weir::app
