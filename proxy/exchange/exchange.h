// Confined to one worker. One request from its head to its record: match, assign, pick, forward, record. The story is
// Exchange::run(); everything it learns is in its RequestContext.
#pragma once

#include "base/asio.h"
#include "proxy/downstream/downstream_stream.h"
#include "proxy/exchange/request_context.h"
#include "proxy/exchange/worker_context.h"
#include "proxy/forward/forwarder.h"

namespace weir::proxy {

class Exchange final : private ForwardObserver, private LeaseWaiter {
 public:
  // `listener` is of `topology`, which the exchange keeps.
  Exchange(WorkerContext& worker, DownstreamStream& downstream, Local<Topology> topology,
           const ListenerTopology& listener);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // For the request that `downstream` has just read, up to the last byte of the answer given to its connection.
  Awaitable<> run();

  // A response of unknown length is under way.
  bool streaming() const { return streaming_; }
  // Ends it now, half answered: the connection is reset. Nobody's fault but ours.
  void cut();

 private:
  bool match();
  void assign();
  Awaitable<Result<EndpointLease>> pick(bool fresh);
  bool total_passed() const;
  bool client_cancelled() const;
  Awaitable<> forward();
  bool may_send_again(const ForwardResult& result, const UpstreamStream& upstream) const;
  void finish_failed(const ForwardResult& result);
  void record();

  void take_request_id();
  void edit_request(http::Edits& edits);
  void edit_reply(http::Edits& edits);
  void add_cookie(http::Edits& edits);
  void reply(const http::LocalReply& reply);
  void watch_slowness();
  void report_slowness();

  void on_response_head(http::ResponseHead& head, http::Edits& edits, SteadyTime now) override;
  void on_response_end(SteadyTime now) override;
  bool given_up() const override;
  void connecting(bool now) override;

  WorkerContext& worker_;
  DownstreamStream& downstream_;
  const ListenerTopology& listener_;
  RequestContext context_;
  Deadline slow_;
  Deadline total_;  // while a connection is waited for or opened: the forwarder has its own
  std::uint64_t response_bytes_ = 0;
  bool streaming_ = false;
  bool cut_ = false;
  std::array<char, 192> cookie_{};
};

}  // namespace weir::proxy
