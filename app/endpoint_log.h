// Confined to the control thread. Tells the log which endpoints go out of rotation, and which come back. One that does
// both between two looks is in the metrics alone.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "app/endpoint_standing.h"

namespace weir::app {

class EndpointLog {
 public:
  void tell(const std::vector<EndpointStanding>& endpoints);

 private:
  std::set<std::string> out_;  // as has been told
};

}  // namespace weir::app
