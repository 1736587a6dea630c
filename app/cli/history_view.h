// Pure functions. The history of one service as a story: what was decided, and each number that led to it.
#pragma once

#include <string>

#include "app/cli/view.h"
#include "base/json.h"

namespace weir::app {

// `history`: the document of /api/v1/history. Several lines a decision, newest first.
std::string render_story(const json::Value& history, const ViewOptions& options);

}  // namespace weir::app
