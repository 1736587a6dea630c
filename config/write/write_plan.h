// Pure functions. A Config as the plan that makes it: every key in the plan file's words, with defaults filled in. JSON
// is YAML, so what comes out can be loaded again.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "config/config.h"

namespace weir::config {

// What must not be shown. Of a `secret` a plan has only where it is read from, and nothing more is written. But a value
// that is matched by or put into a head may be one, and so may a parameter of a health check, and the path of a webhook.
struct Redaction {
  // Whether what a header, a parameter or a cookie of this name holds is a secret.
  std::function<bool(std::string_view name)> is_secret;
  // A path with its query, without what is secret in it.
  std::function<std::string(std::string_view url)> url;
  // A webhook's URL, without what is secret in it.
  std::function<std::string(const Webhook& webhook)> webhook;
  // What stands in a secret's place.
  std::string_view in_place;
};

// Left out is what has no word for its default: one version's `weights`, `trustedHops` that nobody has set. What may be
// given at several places stands whole at the plan's margin, and further in where it was given.
json::Object write_plan(const Config& config, const Redaction& redaction);

}  // namespace weir::config
