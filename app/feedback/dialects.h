// Pure functions. The shapes in which tools speak of answers, each as the fields of one score. What they do not have in
// common with Weir's own shape is said here and nowhere else.
#pragma once

#include <vector>

#include "base/json.h"

namespace weir::app {

// A score in Weir's own field names: request_id, response_id, trace_id, session_id, name, value, source, weight. Values are
// as they came: read_post() looks at them.
using ScoreFields = json::Object;

// The scores that one object of a post holds: most hold one, those that only wrap others (`data` of Phoenix,
// `resourceLogs` of OTLP) as many as there are in them. An object of no known shape is one in Weir's own.
std::vector<ScoreFields> fields_of(const json::Value& posted);

}  // namespace weir::app
