// Pure functions. What people are shown of an explain document (app/explain/document.h).
#pragma once

#include <string>

#include "base/json.h"

namespace weir::app {

struct ExplainOptions {
  bool colour = false;
  int columns = 100;
};

// A rollout's steps, gates, smallest regressions found, and how long named ones take, as tables no wider than
// `columns` where that is 60 or more; then its warnings.
std::string render_explanation(const json::Value& rollout, const ExplainOptions& options);

}  // namespace weir::app
