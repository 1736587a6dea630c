#include "config/default_plan.h"

#include <string_view>

#include "base/hex.h"

namespace weir::config {
namespace {

// A double-quoted YAML text.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      append_hex(byte, out);
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

std::string default_plan_yaml(const DefaultPlanOptions& options) {
  return "# A canary from v1 to v2. `weir check` says what is wrong with a plan, `weir schema` prints its JSON "
         "Schema,\n"
         "# docs/config-reference.md explains every key.\n"
         "listeners:\n"
         "  - address: " +
         quoted(options.listen) +
         "          # where clients connect\n"
         "services:\n"
         "  default:\n"
         "    versions:\n"
         "      v1: { endpoints: [" +
         quoted(options.baseline) +
         "] }\n"
         "      v2: { endpoints: [" +
         quoted(options.candidate) +
         "] }\n"
         "routes:\n"
         "  - match: { pathPrefix: / }\n"
         "    service: default\n"
         "rollouts:\n"
         "  default:\n"
         "    baseline: v1                         # serves now\n"
         "    candidate: v2                        # is to serve\n"
         "    # A user stays on one version: by this header, else by a cookie that the weir sets.\n"
         "    stickiness: { by: [ { header: x-user-id }, { cookie: weir } ] }\n"
         "    steps:                               # percent; each holds until the evidence allows the next\n"
         "      - setWeight: 1\n"
         "      - hold: { atLeast: 2m, minRequests: 100, atMost: 6h, onInconclusive: pause }\n"
         "      - setWeight: 5\n"
         "      - setWeight: 25\n"
         "      - setWeight: 50\n"
         "      - setWeight: 100                   # bake: still guarded, against the holdback\n"
         "    analysis:\n"
         "      maxFalseRollback: 1%               # how often a good candidate may be taken back, per rollout-day\n"
         "      maxFalseAdvance: 5%                # how often a bad one may advance, per step and gate\n"
         "      holdback: 5%                       # stays on the baseline during the bake\n"
         "      # guards: errorRate, capacityRate, clientErrorRate, clientAbortRate and latency 0.99 are on by "
         "default\n";
}

}  // namespace weir::config
