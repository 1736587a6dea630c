// Immutable. One answer of each dialect and of each way to end, with what it tells: corpus.txt. An entry there is a
// line
// `=== NAME INSPECT events|lines|whole [json] [unmarked]`, a line with what describe() says, and the body.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/inspect.h"

namespace weir::proxy {

struct Golden {
  std::string name;
  config::Inspect inspect = config::Inspect::kAuto;
  std::string type;
  std::string body;  // its lines end with a line feed
  std::string facts;
  bool json_asked = false;
  bool unmarked = false;  // nothing in it shows what it is
};
std::vector<Golden> corpus();

}  // namespace weir::proxy
