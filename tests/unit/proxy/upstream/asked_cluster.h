// Confined to one thread. A cluster over real sockets on loopback, and requests that ask it for connections.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/http/scanner.h"
#include "proxy/upstream/cluster.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {

// One request that wants a connection.
struct Asking final : LeaseWaiter {
  bool given_up() const override { return gives_up; }
  void connecting(bool now) override {
    is_connecting = now;
    has_connected = true;
  }

  Waker waker;
  EndpointChoice choice;
  bool gives_up = false;
  bool is_connecting = false;
  bool has_connected = false;  // or tried to
  std::optional<Result<EndpointLease>> result;
};

inline Awaitable<> ask(Cluster& cluster, Cluster::Request request, Asking& asking) {
  Result<EndpointLease> result = co_await cluster.lease(request);
  if (result) result->stream().observe(nullptr);  // the lease outlives the one who asked
  asking.result.emplace(std::move(result));
}

class AskedCluster : public testing::Test {
 protected:
  // As many origins as `listening` has entries; those that do not listen refuse.
  void use(const std::vector<bool>& listening, std::uint32_t max_connections = 1024, std::uint32_t max_pending = 1024) {
    ClusterSpec spec;
    spec.max_connections = max_connections;
    spec.max_pending = max_pending;
    spec.avoid_for = avoid_for_;
    for (const bool listens : listening) {
      origins_.push_back(std::make_unique<Listening>(listens ? 1024 : -1));
      spec.origins.push_back({Remote{"127.0.0.1", origins_.back()->port()}});
    }
    use(std::move(spec));
  }
  void use(ClusterSpec spec) {
    const UpstreamContext context{loop_.io, loop_.deadlines, buffers_, counters_, random_, shortage_};
    cluster_ = std::make_unique<Cluster>(context, std::move(spec));
  }

  // Asks, and goes on as far as that is possible without waiting.
  std::unique_ptr<Asking> begin(bool fresh = false, BulkheadId bulkhead = kNoId) {
    auto asking = std::make_unique<Asking>();
    const Cluster::Request request{asking->waker, *asking, connect_timeout_, limits_, asking->choice, fresh, bulkhead};
    asio::co_spawn(loop_.io, ask(*cluster_, request, *asking), asio::detached);
    loop_.settle();
    return asking;
  }
  bool finish(const Asking& asking) {
    return loop_.run_until([&] { return asking.result.has_value(); });
  }
  EndpointLease try_lease() {
    EndpointChoice choice;
    return cluster_->try_lease(nullptr, limits_, choice);
  }
  // A lease of an idle connection or of a new one: what an exchange does first.
  Result<EndpointLease> lease() {
    EndpointLease idle = try_lease();
    if (idle) return idle;
    const std::unique_ptr<Asking> asking = begin();
    if (!finish(*asking)) return Error{ErrorKind::kInternal, Side::kInternal, Retry::kNever, "no answer within 10 s"};
    return std::move(*asking->result);
  }
  // The index of the origin that has a connection it has not seen yet.
  std::size_t accept() {
    for (;;) {
      for (std::size_t i = 0; i < origins_.size(); ++i) {
        Peer peer;
        if (!origins_[i]->accept(peer)) continue;
        peers_.push_back(std::move(peer));
        return i;
      }
    }
  }
  // A request and its response, after which the connection can carry another.
  void exchange(EndpointLease& lease, const Peer& origin) {
    http::RequestScanner scanner(http::request_limits(limits_));
    http::RequestHead head;
    ASSERT_TRUE(scanner.scan("GET / HTTP/1.1\r\nHost: a\r\n\r\n", head).done());
    lease.stream().send_head(head, http::Edits());
    lease.stream().flush();
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(loop_.run_until([&] { return lease.stream().read_head().state == ResponseHeadEvent::State::kHead; }));
    ASSERT_TRUE(lease.stream().read_body().end);
  }
  std::int64_t count(Count count) const { return counters_.get(count); }

  Loop loop_;
  BufferPool buffers_;
  Counters counters_;
  Random random_{1};
  Shortage shortage_{counters_};
  config::Limits limits_;
  config::Duration connect_timeout_{2'000};
  std::chrono::milliseconds avoid_for_{1'000};
  std::vector<std::unique_ptr<Listening>> origins_;
  std::vector<Peer> peers_;
  std::unique_ptr<Cluster> cluster_;
};

}  // namespace weir::proxy
