#include "app/endpoint_log.h"

#include <utility>

#include "base/log.h"

namespace weir::app {

void EndpointLog::tell(const std::vector<EndpointStanding>& endpoints) {
  std::set<std::string> out;
  for (const EndpointStanding& standing : endpoints) {
    const std::string version = standing.service + "/" + standing.version;
    const std::string known = version + " " + standing.endpoint;
    const bool told = out_.contains(known);
    if (standing.out()) out.insert(known);
    if (standing.out() == told) continue;
    if (told) {
      log::info("endpoint_back", {{"version", version}, {"endpoint", standing.endpoint}});
    } else {
      log::warn("endpoint_out", {{"version", version}, {"endpoint", standing.endpoint}, {"reason", standing.reason()}});
    }
  }
  out_ = std::move(out);
}

}  // namespace weir::app
