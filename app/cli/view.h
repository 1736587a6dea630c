// Pure functions. What people are shown of a weir's status document (docs: the admin API's /api/v1/status).
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace weir::app {

struct ViewOptions {
  bool colour = false;
  std::string where;  // the URL that the document came from
};

// One frame, ending with a line feed: each service's step and weight, both versions' rates, errors and latencies, the
// evidence toward rollback and advance, and why it waits.
std::string render_frame(const json::Value& status, const ViewOptions& options);

// Equal for two documents between which nothing happened but time and traffic.
std::string change_key(const json::Value& status);

// One line a record, newest first.
std::string render_history(const json::Value& history, const ViewOptions& options);

}  // namespace weir::app
