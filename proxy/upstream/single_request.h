// Confined to one worker. One request on a connection of its own, which is closed behind it, and no more of its
// response than the head, or a short body: how an origin is asked that is not to answer a client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/asio.h"
#include "config/limits.h"
#include "proxy/http/head.h"
#include "proxy/http/serialize.h"
#include "proxy/net/buffer_pool.h"
#include "proxy/net/connector.h"
#include "proxy/upstream/http1_upstream.h"

namespace weir::proxy {

class SingleRequest final : public Wakeable {
 public:
  enum class State : std::uint8_t {
    kConnecting,
    kConnected,  // send() is next
    kSent,
    kAnswered,
    kFailed,
  };

  // Connects at once. `observer` is woken with each state that comes by itself, never before this returns, and may
  // destroy this. There is no timeout: the owner who has one destroys this.
  SingleRequest(IoContext& io, BufferPool& buffers, const Remote& remote, Wakeable& observer);
  SingleRequest(const SingleRequest&) = delete;
  SingleRequest& operator=(const SingleRequest&) = delete;

  State state() const { return state_; }
  // Once kConnected. `Connection: close` is added, and the head framed for the body, if there is one. What `head` and
  // `edits` view is copied. The state is kSent when this returns, or kFailed already.
  void send(http::RequestHead head, http::Edits edits, std::shared_ptr<const std::string> body = nullptr);
  // Before send(): kAnswered comes with the whole of a 2xx response's body, if that has no more than `most` bytes. Of the
  // head nothing but the status is left then.
  void want_answer(std::size_t most) { most_ = most; }
  // Once kAnswered: the final one.
  const http::ResponseHead& head() const { return stream_->head(); }
  // Likewise: its body, if that was wanted; empty where it was longer.
  const std::string& answer() const { return answer_; }
  // Once kFailed: why, for people.
  const std::string& failure() const { return failure_; }
  // What this process or its machine lacked to ask; else empty. The origin has no part in it.
  const std::string& shortage() const { return shortage_; }

  void wake() override;

 private:
  bool take_connection();
  bool take_response();
  bool take_answer();
  bool fail(std::string why);

  BufferPool& buffers_;
  Wakeable& observer_;
  State state_ = State::kConnecting;
  bool head_taken_ = false;
  std::size_t most_ = 0;  // bytes of the answer; 0: the head is enough
  std::string answer_;
  std::string failure_;
  std::string shortage_;
  const config::Limits limits_;
  std::optional<Connector> connector_;
  std::shared_ptr<const std::string> body_;  // while it is written
  std::unique_ptr<Http1Upstream> stream_;
};

}  // namespace weir::proxy
