#include "proxy/net/connector.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>
#include <vector>

#include "proxy/net/address.h"

namespace weir::proxy {

using boost::system::error_code;

namespace {

using Address = StreamSocket::endpoint_type;

// Whether a datagram could go there: a machine without an address of that family has none to send from, and is told
// EADDRNOTAVAIL as well.
bool has_source_for(const Address& address) {
  const int probe = ::socket(address.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return true;
  const bool found = ::connect(probe, address.data(), static_cast<socklen_t>(address.size())) == 0;
  ::close(probe);
  return found;
}

// What fails here and not at the origin: no descriptor, no memory in the kernel, no port left for that address. Not
// EACCES and EPERM: a rule of this machine's that shuts an endpoint off does so for good, and a version that cannot be
// reached must be seen to be.
bool is_shortage(const error_code& error, const Address& address) {
  switch (error.value()) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return error.category() == boost::system::system_category();
    case EADDRNOTAVAIL:
      return has_source_for(address);
    default:
      return false;
  }
}

}  // namespace

struct Connector::Attempt final : std::enable_shared_from_this<Attempt>, Wakeable {
  Attempt(IoContext& io_context, const Remote& to, Wakeable& to_wake)
      : io(io_context), remote(to), socket(io_context), observer(&to_wake) {}

  IoContext& io;
  const Remote remote;
  StreamSocket socket;
  std::vector<StreamSocket::endpoint_type> addresses;
  std::size_t next = 0;
  State state = State::kPending;
  Wakeable* observer;  // null once the connector is gone
  ByteStream stream;   // from the connection on
  std::string_view reason = "connect";
  std::string_view tls_failure = {};
  error_code shortage;
  bool refused = false;  // by somebody who was connected to

  void try_next() {
    if (observer == nullptr) return;
    if (next == addresses.size()) {
      if (refused) shortage = {};
      if (shortage) reason = "no_resources";
      return finish(State::kFailed);
    }
    error_code ignored;  // closing a socket that never opened
    socket.close(ignored);
    socket.async_connect(addresses[next++], [self = shared_from_this()](const error_code& error) {
      if (self->observer == nullptr) return;
      if (!error) return self->begin();
      if (is_shortage(error, self->addresses[self->next - 1])) self->shortage = error;
      self->try_next();
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
    refused = true;
    const auto self = shared_from_this();
    stream.close();
    try_next();
  }

  // An address that has not answered yet was asked: nothing is lacking here.
  void expire() {
    if (state != State::kPending) return;
    shortage = {};
    if (stream.is_open()) {
      reason = "tls_handshake";
      tls_failure = "the handshake did not end in time";
    }
    state = State::kFailed;
    abandon();
  }

  // What is under way ends, and tells nobody.
  void abandon() {
    observer = nullptr;
    error_code ignored;  // the descriptor is gone either way
    socket.close(ignored);
    stream.close();
  }

  void finish(State to) {
    state = to;
    observer->wake();
  }
};

Connector::Connector(IoContext& io, const Remote& remote, Wakeable& observer)
    : attempt_(std::make_shared<Attempt>(io, remote, observer)) {
  const std::string& where = remote.address.empty() ? remote.host : remote.address;
  std::vector<SocketAddress> addresses = known_addresses(where, remote.port);
  if (!remote.unix_path.empty()) addresses = {unix_address(remote.unix_path)};
  for (const SocketAddress& address : addresses) attempt_->addresses.emplace_back(address.get(), address.size);
  if (addresses.empty()) {
    asio::post(io, [attempt = attempt_] { attempt->try_next(); });
  } else {
    attempt_->try_next();
  }
}

Connector::~Connector() { attempt_->abandon(); }

Connector::State Connector::state() const { return attempt_->state; }

void Connector::expire() { attempt_->expire(); }

std::string_view Connector::reason() const { return attempt_->reason; }
std::string Connector::shortage() const {
  return attempt_->state == State::kFailed && attempt_->shortage ? attempt_->shortage.message() : std::string();
}
std::string_view Connector::tls_failure() const { return attempt_->tls_failure; }

ByteStream Connector::take() { return std::move(attempt_->stream); }

}  // namespace weir::proxy
