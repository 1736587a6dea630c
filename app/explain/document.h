// Pure functions. What `weir explain` knows of a rollout, as JSON; the table is drawn from it.
#pragma once

#include <string>

#include "app/explain/reckoning.h"
#include "base/json.h"
#include "config/rollout.h"

namespace weir::app {

// Times are seconds, {"median", "p95"}, null where it never happens; shares and slowdowns percent.
json::Object explain_document(const std::string& service, const config::Rollout& rollout, const Reckoning& reckoning);

}  // namespace weir::app
