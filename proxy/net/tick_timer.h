// Confined to one worker. The one timer of a worker's event loop: what drives its DeadlineList.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>
#include <chrono>
#include <utility>

#include "base/asio.h"

namespace weir::proxy {

class TickTimer {
 public:
  explicit TickTimer(IoContext& io) : timer_(io.get_executor()) {}

  // Calls `then` once, `after` from now, unless the timer is destroyed before.
  template <class Then>
  void start(std::chrono::milliseconds after, Then then) {
    timer_.expires_after(after);
    timer_.async_wait([then = std::move(then)](const boost::system::error_code& error) {
      if (!error) then();
    });
  }

 private:
  using Clock = std::chrono::steady_clock;
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer_;
};

}  // namespace weir::proxy
