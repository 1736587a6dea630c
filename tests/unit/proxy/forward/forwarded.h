// Confined to one thread. A forwarder between two scripted sides, started and looked at by a test.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <optional>
#include <vector>

#include "proxy/forward/forwarder.h"
#include "tests/unit/proxy/forward/scripted_streams.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {

inline Awaitable<> forward(Forwarder& forwarder, Waker& waker, std::optional<ForwardResult>& result) {
  const http::Edits edits;
  for (bool more = forwarder.start(edits); more; more = forwarder.resume()) {
    if (!waker.take()) co_await waker.wait();
  }
  result.emplace(forwarder.result());
}

class Forwarded : public testing::Test, protected ForwardObserver {
 protected:
  void start(bool cancel_on_half_close = true) {
    clock_.start(std::chrono::steady_clock::now());
    forwarder_.emplace(
        ForwardSpec{client_, body_, origin_, *this, deadline_, clock_, timeouts_, cancel_on_half_close, body_observer_,
                    request_filter_});
    asio::co_spawn(loop_.io, forward(*forwarder_, client_.waker(), result_), asio::detached);
    loop_.settle();
  }
  // Something has changed: the forwarder goes as far as it can.
  void wake() {
    client_.waker().wake();
    loop_.settle();
  }
  bool finish() {
    return loop_.run_until([&] { return result_.has_value(); });
  }
  void with_body() { client_.head.framing = http::BodyFraming::kChunked; }
  static void say(Script& script, std::string_view data, bool end = false) {
    script.says.push_back(http::body_slice(data, end));
  }
  void pass(config::Duration time) {
    const SteadyTime end = std::chrono::steady_clock::now() + time;
    EXPECT_TRUE(loop_.run_until([&] { return std::chrono::steady_clock::now() >= end; }));
  }

  bool passes_on(const http::ResponseHead& head) override { return head.status != refused_; }
  void on_response_head(http::ResponseHead& head, http::Edits& edits, SteadyTime) override {
    heads_.push_back(head.status);
    edits.add("x-edited", "");
  }
  bool holds(const http::ResponseHead&) override { return beginning_.has_value(); }
  Beginning beginning() override { return *beginning_; }
  BodyFilter* filter_response(const http::ResponseHead&) override { return response_filter_; }
  void on_response_end(SteadyTime) override { ++ends_; }

  Loop loop_;
  ScriptedDownstream client_;
  ScriptedUpstream origin_;
  BufferPool buffers_;
  RequestBody body_{client_, buffers_};
  int refused_ = 0;  // a status that is not passed on
  std::optional<Beginning> beginning_;  // nothing: an answer is not held
  Deadline deadline_{loop_.deadlines, [](void* self) { static_cast<Waker*>(self)->wake(); }, &client_.waker()};
  JudgedClock clock_;
  config::Timeouts timeouts_;
  BodyObserver* body_observer_ = nullptr;
  BodyFilter* request_filter_ = nullptr;
  BodyFilter* response_filter_ = nullptr;
  std::vector<int> heads_;
  int ends_ = 0;
  std::optional<ForwardResult> result_;
  std::optional<Forwarder> forwarder_;
};

}  // namespace weir::proxy
