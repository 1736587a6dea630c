// Pure functions. What is generated from the declaration of the plan's keys: for editors, and for people.
#pragma once

#include <string>

namespace weir::config {

// JSON Schema, draft-07.
std::string json_schema();

// docs/config-reference.md.
std::string reference_markdown();

}  // namespace weir::config
