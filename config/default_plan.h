// Pure functions. The plan that needs no file: what `weir init` prints and `weir run --baseline --candidate` runs.
#pragma once

#include <string>

namespace weir::config {

struct DefaultPlanOptions {
  std::string baseline = "http://127.0.0.1:9001";
  std::string candidate = "http://127.0.0.1:9002";
  std::string listen = "127.0.0.1:8080";
};

// Commented YAML. The strings are written as YAML texts, whatever they hold: a URL that is none is reported by the
// loader, at its place.
std::string default_plan_yaml(const DefaultPlanOptions& options);

}  // namespace weir::config
