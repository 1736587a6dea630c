// Confined to one worker. Opens one connection to an origin. No name is looked up: that is done elsewhere, beforehand.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/asio.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/tls_context.h"

namespace weir::proxy {

// Where an origin listens.
struct Remote {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 80;
  std::string unix_path = {};                             // of a Unix socket: host and port mean nothing then
  std::shared_ptr<const TlsClientContext> tls = nullptr;  // null: plain
  std::shared_ptr<TlsSessionCache> sessions = nullptr;    // of the worker that connects
  // Where `host` is, in digits, if it is a name that has to be looked up; empty while that is not known.
  std::string address = {};
  bool operator==(const Remote&) const = default;
};

class Connector {
 public:
  enum class State : std::uint8_t { kPending, kConnected, kFailed };

  // Begins at once; without an address it fails. `observer` is woken when the state is no longer kPending, never before
  // this returns.
  Connector(IoContext& io, const Remote& remote, Wakeable& observer);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  State state() const;
  // It has taken too long: if it is still kPending it is kFailed from now on, and nobody is woken.
  void expire();
  // Once kFailed: "connect", "tls_verify" for a certificate that is not accepted, "tls_handshake" for what else is
  // wrong with TLS, one that has not come to its end included; "no_resources" when an address could not even be asked,
  // and nobody who was has answered.
  std::string_view reason() const;
  // What this process or its machine lacked, for "no_resources", in the system's words; else empty. The origin has no
  // part in it.
  std::string shortage() const;
  // What there is to say to that, in OpenSSL's words if they are known; empty when TLS has no part in it.
  std::string_view tls_failure() const;
  ByteStream take();  // once kConnected

 private:
  struct Attempt;
  std::shared_ptr<Attempt> attempt_;  // outlives this: a handler may come after the end
};

}  // namespace weir::proxy
