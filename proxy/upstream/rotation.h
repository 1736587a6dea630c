// Confined to one worker. Which of a version's endpoints take requests now, and which of them takes the next one.
//
// Whoever is out is looked for only when something has changed: choosing costs two draws, one step, or for `hash` one
// walk over those that are in; it allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "config/balancing.h"
#include "proxy/upstream/endpoint.h"
#include "proxy/upstream/endpoint_state.h"

namespace weir::proxy {

// How a request wants its endpoint chosen, kept over all of its attempts at a version. Endpoints are named by
// EndpointState::hash().
struct EndpointChoice {
  std::optional<std::uint64_t> key;  // for `hash`
  std::uint64_t avoid = 0;           // not this one, if there is another
  std::uint64_t used = 0;            // the one that was chosen last
};

class Rotation {
 public:
  struct Context {
    EndpointGroup& group;
    Random& random;
  };
  struct Rules {
    const config::LoadBalancing& balancing;
    std::uint32_t endpoint_connections = config::kNoCount;
  };
  // What `rules` refers to outlives it, and so do the endpoints: at least one. When others are in the vector
  // endpoints_changed() follows, before anything else is asked.
  Rotation(const Context& context, const Rules& rules, const std::vector<std::unique_ptr<Endpoint>>& endpoints);

  Endpoint& pick(EndpointChoice& choice);
  Endpoint& pick(EndpointChoice& choice, SteadyTime now);

  // Of those that take requests now, one at least has an idle connection or may open one.
  bool has_room(SteadyTime now);
  std::size_t size(SteadyTime now);
  // Whether another attempt of it goes to another endpoint than the one to avoid.
  bool has_another(const EndpointChoice& choice, SteadyTime now);
  bool has_room(const Endpoint& endpoint) const;
  // One that may not has an idle connection to give up for it, or was not picked.
  bool may_open(const Endpoint& endpoint) const {
    return endpoint_connections_ == config::kNoCount || endpoint.connections_of_name() < endpoint_connections_;
  }
  bool has_too_many(const Endpoint& endpoint) const {
    return endpoint_connections_ != config::kNoCount && endpoint.connections_of_name() > endpoint_connections_;
  }

  // Not asked again before `until`, unless all are out, or it can be connected to after all.
  void avoid(Endpoint& endpoint, SteadyTime until);
  void connected(Endpoint& endpoint);

  void endpoints_changed();
  // What the balancing is has changed, or the group, or how many connections an endpoint may have.
  void rules_changed(EndpointGroup& group, std::uint32_t endpoint_connections);

 private:
  void keep_up(SteadyTime now);
  void refresh(SteadyTime now);
  void find_those_in(SteadyTime now);
  bool takes(const Endpoint& endpoint, const EndpointChoice& choice) const;
  double share(const Endpoint& endpoint) const;
  bool declines(const Endpoint& endpoint);
  Endpoint& any(const EndpointChoice& choice);
  Endpoint& choose(const EndpointChoice& choice);
  Endpoint* chosen_before(const EndpointChoice& choice) const;
  Endpoint& least_request(const EndpointChoice& choice);
  Endpoint& round_robin(const EndpointChoice& choice);
  Endpoint& by_hash(const EndpointChoice& choice);

  EndpointGroup* group_;
  Random& random_;
  const config::LoadBalancing& balancing_;
  const std::vector<std::unique_ptr<Endpoint>>& all_;
  std::vector<Endpoint*> in_;  // all of them when all are out
  std::uint32_t endpoint_connections_;
  SteadyTime now_{};
  bool cold_ = false;         // one of them at least came a short while ago
  std::uint64_t seen_ = 0;    // of the group's changes
  SteadyTime valid_until_{};  // then somebody comes back
  std::size_t next_ = 0;      // round robin: of all, whose turn was last
};

}  // namespace weir::proxy
