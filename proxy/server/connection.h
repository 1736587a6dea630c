// Confined to one worker. One client connection: its requests one after another, each an Exchange, and the idle time
// between them.
#pragma once

#include <cstdint>
#include <memory>

#include "base/asio.h"
#include "proxy/downstream/http1_downstream.h"
#include "proxy/exchange/exchange.h"
#include "proxy/exchange/worker_context.h"
#include "proxy/net/buffer_pool.h"
#include "proxy/server/listener_load.h"

namespace weir::proxy {

class Connection {
 public:
  // An idle connection keeps its buffers for this long.
  static constexpr std::chrono::seconds kParkAfter{1};
  // How long the first request of a new connection is waited for when the connection is to close: its client has been
  // given no sign that it may have to ask again.
  static constexpr std::chrono::seconds kFirstRequest{1};
  // How long a client may take to notice that we have closed.
  static constexpr std::chrono::seconds kLingerFor{2};
  // The same, in all, while it still sends what nobody reads of its request.
  static constexpr std::chrono::seconds kLingerAtMost{30};

  // Of the listener that took it.
  struct Place {
    Local<Topology> topology;
    std::uint32_t listener = 0;  // index in the topology
  };
  Connection(WorkerContext& worker, ByteStream stream, const SocketAddress& peer, Place place);

  // It begins with a PROXY header; else it ends.
  void expect_proxy_header() { proxy_header_ = true; }
  // Until the client is gone, or has been told to go.
  Awaitable<> serve();
  // Instead: there is no room for it. It is told so, and has kLingerFor to notice, but less when `load` hurries.
  Awaitable<> turn_away(http::LocalReply reply, const ListenerLoad& load);

  // It ends when its request does, at once when it is idle between two.
  void close_when_idle();
  // It ends now, whatever it does.
  void cut();
  // A request is under way, and its response is no stream.
  bool finite_request() const { return exchange_ != nullptr && !exchange_->streaming(); }
  // The listener's place in a new topology.
  void move_to(std::uint32_t listener) { listener_ = listener; }
  // The listener is gone: what the connection still brings is served by the last rules that were made for it.
  void stay_behind(const Local<Topology>& last) {
    topology_ = last;
    left_ = true;
  }
  bool left() const { return left_; }
  std::uint32_t listener() const { return listener_; }

 private:
  enum class Wait : std::uint8_t { kRequest, kClosed };
  struct EndExchange {
    ExchangeBlocks* blocks = nullptr;
    void operator()(Exchange* exchange) const;
  };

  void follow();
  const ListenerTopology* settings() const;
  std::unique_ptr<Exchange, EndExchange> begin_exchange();
  Awaitable<bool> take_proxy_header(const ListenerLoad* turned_away = nullptr);
  Awaitable<Wait> wait_for_request();
  Awaitable<> refuse(http::LocalReply reply);
  void reply_without_request(const http::LocalReply& reply);
  void note_handshake();
  void write_line(const http::LocalReply& reply, std::string_view request_id);
  Awaitable<> discard_body();
  Awaitable<> linger(const ListenerLoad* turned_away = nullptr);
  bool idle_step(const config::Timeouts& timeouts, SteadyTime now);
  SteadyTime closes_at() const;

  WorkerContext& worker_;
  Http1Downstream stream_;
  TlsShare tls_share_;
  Deadline deadline_;
  Deadline slowness_;
  std::uint32_t listener_;
  Local<Topology> topology_;  // what the settings in use were read from
  SteadyTime idle_since_{};
  SteadyTime park_at_{};
  SteadyTime heard_{};
  SteadyTime request_begun_{};    // first byte of a head that is not whole yet
  Exchange* exchange_ = nullptr;  // the request under way
  bool proxy_header_ = false;
  bool first_ = true;
  bool idle_ = false;
  bool closing_ = false;
  bool left_ = false;
};

}  // namespace weir::proxy
