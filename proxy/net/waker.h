// Confined to one worker. How a coroutine waits for the first of several things: streams, deadlines and drains all wake
// the one coroutine that owns them, and it looks at what has changed. One suspension per event, whatever the number of
// things awaited.
#pragma once

#include <optional>
#include <utility>

#include "base/asio.h"

namespace weir::proxy {

// Whoever wants to be told that something it watches has changed.
class Wakeable {
 public:
  virtual void wake() = 0;

 protected:
  ~Wakeable() = default;
};

class Waker final : public Wakeable {
 public:
  Waker() = default;
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  // Resumes the waiting coroutine at once, on this stack; without one, the next take() is true.
  void wake() override {
    if (!waiting_) {
      woken_ = true;
      return;
    }
    Handler handler = std::move(*waiting_);
    waiting_.reset();
    std::move(handler)();
  }

  // Whether a wake came since the last wait. Always tried first: `if (!waker.take()) co_await waker.wait();`
  bool take() { return std::exchange(woken_, false); }

  auto wait() {
    return asio::async_initiate<const UseAwaitable&, void()>(
        [this](auto&& handler) { waiting_.emplace(std::forward<decltype(handler)>(handler)); }, kUseAwaitable);
  }

 private:
  using Handler = asio::async_result<UseAwaitable, void()>::handler_type;
  std::optional<Handler> waiting_;
  bool woken_ = false;
};

}  // namespace weir::proxy
