// Confined to one worker, and at work in one worker of the process alone: what it finds is in EndpointState, for all.
// Asks endpoints by itself whether they are well, so that one that is not is out before a request has to find out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/asio.h"
#include "base/random.h"
#include "config/balancing.h"
#include "proxy/net/buffer_pool.h"
#include "proxy/net/connector.h"
#include "proxy/net/deadline_list.h"
#include "proxy/upstream/endpoint_state.h"
#include "proxy/upstream/shortage.h"

namespace weir::proxy {

struct HealthTarget {
  Remote remote;
  std::string authority;  // as a Host field says it
  config::HealthCheck check;
  std::shared_ptr<EndpointState> state;
  std::shared_ptr<EndpointGroup> group;  // the state's

  bool operator==(const HealthTarget&) const = default;
};

class HealthChecker {
 public:
  struct Context {
    IoContext& io;
    DeadlineList& deadlines;
    BufferPool& buffers;
    Random& random;
    Shortage& shortage;
  };
  explicit HealthChecker(const Context& context);
  ~HealthChecker();
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  // From now on these. One that was one before goes on as if nothing had been said; an endpoint that is none any more
  // counts as healthy.
  void set_targets(std::vector<HealthTarget> targets);
  // No more checks; what they found stays.
  void stop();

 private:
  class Probe;

  Context context_;
  std::vector<std::unique_ptr<Probe>> probes_;
};

}  // namespace weir::proxy
