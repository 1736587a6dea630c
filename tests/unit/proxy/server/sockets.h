// Confined to one thread each, but for Origin, which runs one of its own. Blocking sockets for tests: a client that
// says exactly what it is told to, and an origin that does.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace weir::proxy {

// A connected TCP socket, closed at the end.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept;
  ~Socket();

  static Socket connect(const std::string& address);  // "127.0.0.1:80"

  void send(std::string_view bytes) const;
  // Until `end` has been read, or the peer has closed or 10 s have passed; what has come stays for the next call.
  std::string read_until(std::string_view end);
  // Until the peer has closed.
  std::string read_all();
  bool reset() const { return reset_; }  // it ended by a reset, not by a close
  void close_with_reset();
  void shutdown_send() const;

 private:
  bool fill();

  int descriptor_;
  std::string unread_;
  bool reset_ = false;
};

// Serves each connection in turn with `serve`, on its own thread.
class Origin {
 public:
  explicit Origin(std::function<void(Socket&)> serve);
  ~Origin();
  std::uint16_t port() const { return port_; }

 private:
  int listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// A port that nobody listens on.
std::uint16_t closed_port();

}  // namespace weir::proxy
