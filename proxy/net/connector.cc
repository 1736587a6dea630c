#include "proxy/net/connector.h"

#include <boost/asio/error.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/net/address.h"

namespace weir::proxy {

using asio::ip::tcp;
using boost::system::error_code;

struct Connector::Attempt final : std::enable_shared_from_this<Attempt>, Wakeable {
  Attempt(IoContext& io_context, const Remote& to, Wakeable& to_wake)
      : io(io_context), remote(to), socket(io_context), observer(&to_wake) {}

  IoContext& io;
  const Remote remote;
  StreamSocket socket;
  std::optional<tcp::resolver> resolver;
  std::vector<StreamSocket::endpoint_type> addresses;
  std::size_t next = 0;
  State state = State::kPending;
  Wakeable* observer;  // null once the connector is gone
  ByteStream stream;   // from the connection on
  std::string_view reason = "connect";
  std::string_view tls_failure = {};

  void resolve(const std::string& host, std::uint16_t port) {
    resolver.emplace(io);
    resolver->async_resolve(
        host, std::to_string(port), tcp::resolver::numeric_service,
        [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& found) {
          for (const auto& entry : found) self->addresses.emplace_back(entry.endpoint());
          if (error) self->addresses.clear();
          self->try_next();
        });
  }

  void try_next() {
    if (observer == nullptr) return;
    if (next == addresses.size()) return finish(State::kFailed);
    error_code ignored;  // closing a socket that never opened
    socket.close(ignored);
    socket.async_connect(addresses[next++], [self = shared_from_this()](const error_code& error) {
      if (self->observer == nullptr) return;
      if (error) return self->try_next();
      self->begin();
    });
  }

  // An origin is connected once it has shown who it is.
  void begin() {
    stream = ByteStream(std::move(socket));
    socket = StreamSocket(io);
    if (remote.tls == nullptr) return finish(State::kConnected);
    stream.start_tls(remote.tls->connect(remote.host, remote.sessions));
    stream.set_observer(this);
    stream.start_handshake();
  }

  // The handshake has come to its end.
  void wake() override {
    const ReadResult result = stream.take_read();
    if (observer == nullptr || result.state == ReadState::kPending || result.state == ReadState::kIdle) return;
    stream.set_observer(nullptr);
    if (result.state == ReadState::kReadable) return finish(State::kConnected);
    const TlsSession& tls = *stream.tls();
    reason = tls.refused_certificate() ? "tls_verify" : "tls_handshake";
    tls_failure = tls.failure().empty() ? "the endpoint closed the connection" : tls.failure();
    const auto self = shared_from_this();
    stream.close();
    try_next();
  }

  void finish(State to) {
    state = to;
    observer->wake();
  }
};

Connector::Connector(IoContext& io, const Remote& remote, Wakeable& observer)
    : attempt_(std::make_shared<Attempt>(io, remote, observer)) {
  const bool local = !remote.unix_path.empty();
  const std::optional<SocketAddress> address =
      local ? unix_address(remote.unix_path) : parse_ip(remote.host, remote.port);
  if (!address) {
    attempt_->resolve(remote.host, remote.port);
    return;
  }
  attempt_->addresses.emplace_back(address->get(), address->size);
  attempt_->try_next();
}

Connector::~Connector() {
  attempt_->observer = nullptr;
  error_code ignored;  // the descriptor is gone either way
  attempt_->socket.close(ignored);
  attempt_->stream.close();
  if (attempt_->resolver) attempt_->resolver->cancel();
}

Connector::State Connector::state() const { return attempt_->state; }

std::string_view Connector::reason() const { return attempt_->reason; }
std::string_view Connector::tls_failure() const { return attempt_->tls_failure; }

ByteStream Connector::take() { return std::move(attempt_->stream); }

}  // namespace weir::proxy
