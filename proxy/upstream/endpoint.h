// Confined to one worker. One origin as this worker knows it: its idle connections, its load, and whether it can be
// reached.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "config/limits.h"
#include "proxy/net/connector.h"
#include "proxy/net/deadline_list.h"
#include "proxy/observe/counters.h"
#include "proxy/upstream/http1_upstream.h"

namespace weir::proxy {

class Endpoint {
 public:
  // HTTP.md section 0, outlier: after so many refused connections in a row it is left out, longer each time, until it
  // has been in for as long as the longest.
  static constexpr std::uint32_t kFailuresToEject = 5;
  static constexpr std::chrono::seconds kFirstEjection{30};
  static constexpr std::chrono::seconds kLongestEjection{300};

  Endpoint(Remote remote, DeadlineList& deadlines, Counters& counters);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  const Remote& remote() const { return remote_; }

  // The idle connection used last, or null.
  std::unique_ptr<Http1Upstream> take_idle();
  // Keeps a connection that an exchange is done with, if it can carry another, for `idle_timeout` at most.
  // False: it was closed.
  bool keep_idle(std::unique_ptr<Http1Upstream> stream, config::Duration idle_timeout);
  // Closes the one that is idle for longest.
  void close_oldest_idle();
  void close_idle();
  bool has_idle() const { return !idle_.empty(); }

  std::uint32_t active = 0;       // requests that hold a lease
  std::uint32_t connections = 0;  // open or opening, idle ones included

  // Why TLS came to nothing: counted, and said in the log once in a while.
  void tell_tls_failure(std::string_view why, SteadyTime now);
  static constexpr std::chrono::seconds kTellAgainAfter{10};

  bool ejected(SteadyTime now) const { return now < ejected_until_; }
  // `may_eject`: enough others of the version are left.
  void connect_failed(SteadyTime now, bool may_eject);
  void connect_succeeded() { failures_ = 0; }

 private:
  struct Idle;

  std::unique_ptr<Idle> spare();
  void remove(Idle* idle);

  Remote remote_;
  DeadlineList& deadlines_;
  Counters& counters_;
  std::vector<std::unique_ptr<Idle>> idle_;
  std::vector<std::unique_ptr<Idle>> spare_;  // of connections in use: parking one again allocates nothing
  std::uint32_t failures_ = 0;
  std::uint32_t ejections_ = 0;
  SteadyTime ejected_until_{};
  SteadyTime tell_tls_again_{};
};

}  // namespace weir::proxy
