// Confined to the control thread, which never waits for it but at the start. The addresses of the endpoints' names, as
// topologies are built with them, and what people are told of names that have none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "app/metrics/exposition.h"
#include "base/clock.h"
#include "config/config.h"
#include "proxy/resolve/resolution.h"
#include "proxy/resolve/resolver.h"

namespace weir::app {

class EndpointResolution {
 public:
  // For names that are new, at the start and before a reload: without their addresses they would be served as failures.
  static constexpr Milliseconds kPatience{2'000};

  // The names of the plan that runs.
  void follow(const config::Config& plan);
  // Besides them, those of a plan that is about to. follow() is next, with the one or the other.
  void prepare(const config::Config& next);
  // All names of the plan have been asked for to the end.
  bool settled(const config::Config& plan) const;
  // Until then, or until kPatience has passed.
  void wait_for(const config::Config& plan, const Clock& clock);

  // Takes what has become known, and tells the log what went wrong and what is well again. True: an address has come or
  // gone.
  bool look();
  // As of the last look.
  const proxy::Resolution& known() const { return *known_; }

  // A line for each name that cannot be resolved.
  std::vector<std::string> problems() const;
  NameSample sample() const;

 private:
  proxy::Resolver resolver_;
  std::shared_ptr<const proxy::Resolution> known_ = resolver_.current();
  std::set<std::string> names_;  // of the plan that runs
};

}  // namespace weir::app
