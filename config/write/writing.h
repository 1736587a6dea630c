// Pure functions. The parts that a plan is written of, for sources of config/write alone.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/units.h"
#include "config/write/write_plan.h"

namespace weir::config {

// `field`'s value, redacted where its name says so, and where it is a URL that holds secrets.
inline json::Value shown(std::string_view field, std::string_view value, const Redaction& redaction) {
  return redaction.is_secret(field) ? json::Value(redaction.in_place) : json::Value(redaction.url(value));
}

// Sets what says something: no text, no list and no section that is empty.
void set_text(json::Object& into, std::string_view key, std::string_view text);
void set_list(json::Object& into, std::string_view key, json::Array list);
void set_section(json::Object& into, std::string_view key, json::Object section);

json::Array write_texts(const std::vector<std::string>& texts);
json::Array write_networks(const std::vector<Cidr>& networks);
json::Value write_secret(const Secret& secret);
// Under `allow` and `deny`.
void write_address_rules(json::Object& into, const AddressRules& rules);
json::Array write_key_sources(const std::vector<KeySource>& sources);
json::Object write_stickiness(const Stickiness& stickiness);

// Whole, and as far as it was given.
json::Object write_timeouts(const Timeouts& timeouts);
json::Object write_timeouts(const TimeoutOverrides& timeouts);
json::Object write_limits(const Limits& limits);
json::Object write_limits(const LimitOverrides& limits);
json::Object write_retries(const Retries& retries);
json::Object write_retries(const RetryOverrides& retries);
json::Object write_rescue(const Rescue& rescue);

json::Object write_service(const Service& service, const Redaction& redaction);
json::Object write_route(const Route& route, const Redaction& redaction);
json::Object write_rollout(const Rollout& rollout, const Redaction& redaction);

}  // namespace weir::config
