// Confined to the webhooks' thread, but for wake(), which is thread-safe. Carries events to their receivers: connects,
// posts, and reports what came of it.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "app/webhooks/webhooks.h"
#include "base/asio.h"
#include "proxy/net/buffer_pool.h"
#include "proxy/net/connector.h"
#include "proxy/net/deadline_list.h"
#include "proxy/net/tick_timer.h"
#include "proxy/net/tls_context.h"
#include "proxy/resolve/resolver.h"

namespace weir::app {

class Courier {
 public:
  static constexpr std::size_t kAtOnce = 64;  // errands under way; each has a connection

  Courier(Webhooks& webhooks, const proxy::Resolver& resolver);
  ~Courier();
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  // Until the end that the webhooks are given.
  void run();
  // There is something to look at.
  void wake();

 private:
  class Trip;

  void look();
  void begin(Webhooks::Errand errand);
  void finished(Trip& trip, const DeliveryResult& result);
  // Where to go; nothing while that is not known yet. With `problem`: nowhere.
  std::optional<proxy::Remote> remote_of(const Webhooks::Errand& errand, std::string& problem);
  void wait_until(SteadyTime next);
  void leave();

  Webhooks& webhooks_;
  const proxy::Resolver& resolver_;
  IoContext io_{1};
  proxy::DeadlineList deadlines_;
  proxy::BufferPool buffers_;
  std::optional<asio::executor_work_guard<Executor>> busy_;
  std::optional<proxy::TickTimer> timer_;
  std::atomic<bool> woken_ = false;
  std::uint64_t plans_ = 0;  // that were followed when `tls_` was made
  std::shared_ptr<const proxy::TlsClientContext> tls_;
  std::list<std::unique_ptr<Trip>> trips_;
};

}  // namespace weir::app
