#include "proxy/net/connector.h"

#include <boost/asio/error.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/net/address.h"

namespace weir::proxy {

using asio::ip::tcp;
using boost::system::error_code;

struct Connector::Attempt : std::enable_shared_from_this<Attempt> {
  Attempt(IoContext& io_context, Wakeable& to_wake) : io(io_context), socket(io_context), observer(&to_wake) {}

  IoContext& io;
  asio::basic_stream_socket<tcp, Executor> socket;
  std::optional<tcp::resolver> resolver;
  std::vector<tcp::endpoint> addresses;
  std::size_t next = 0;
  State state = State::kPending;
  Wakeable* observer;  // null once the connector is gone

  void resolve(const std::string& host, std::uint16_t port) {
    resolver.emplace(io);
    resolver->async_resolve(
        host, std::to_string(port), tcp::resolver::numeric_service,
        [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& found) {
          for (const auto& entry : found) self->addresses.push_back(entry.endpoint());
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
      self->finish(State::kConnected);
    });
  }

  void finish(State to) {
    state = to;
    observer->wake();
  }
};

Connector::Connector(IoContext& io, const std::string& host, std::uint16_t port, Wakeable& observer)
    : attempt_(std::make_shared<Attempt>(io, observer)) {
  const std::optional<SocketAddress> address = parse_ip(host, port);
  if (!address) {
    attempt_->resolve(host, port);
    return;
  }
  tcp::endpoint endpoint;
  endpoint.resize(address->size);
  std::copy_n(reinterpret_cast<const char*>(address->get()), address->size, reinterpret_cast<char*>(endpoint.data()));
  attempt_->addresses.push_back(endpoint);
  attempt_->try_next();
}

Connector::~Connector() {
  attempt_->observer = nullptr;
  error_code ignored;  // the descriptor is gone either way
  attempt_->socket.close(ignored);
  if (attempt_->resolver) attempt_->resolver->cancel();
}

Connector::State Connector::state() const { return attempt_->state; }

ByteStream Connector::take() { return ByteStream(StreamSocket(std::move(attempt_->socket))); }

}  // namespace weir::proxy
