// A listening socket of one worker. listen_on() is thread-safe; a Listener is confined to its worker.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/asio.h"
#include "base/error.h"
#include "proxy/net/address.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/deadline_list.h"
#include "proxy/net/socket_file.h"

namespace weir::proxy {

// `count` listening sockets on one address, which the kernel shares connections out among (SO_REUSEPORT). A port of 0
// is chosen by the kernel, the same for all. A Unix socket is one, with `count` descriptors: whoever is first takes a
// connection. On failure `error` says why and nothing stays open.
struct ListeningSockets {
  std::vector<int> descriptors;
  SocketAddress address;
  std::string error;
  std::shared_ptr<SocketFile> file = nullptr;  // of a Unix socket; who listens keeps it
};
ListeningSockets listen_on(const std::string& address, std::size_t count);

class Listener {
 public:
  using OnAccept = std::function<void(StreamSocket socket, const SocketAddress& peer)>;
  using OnError = std::function<void()>;

  // What a listener takes over.
  struct Socket {
    int descriptor = -1;
    int family = AF_INET;
    std::shared_ptr<SocketFile> file = nullptr;
  };
  // Nothing is accepted before start().
  Listener(IoContext& io, DeadlineList& deadlines, Socket socket);
  ~Listener();

  void start(OnAccept on_accept, OnError on_error);
  // Accepting goes on when resume() is called, or when it begins to close.
  void pause();
  void resume();
  bool paused() const { return paused_; }

  // Loses no connection that the kernel has begun: new ones are refused a handshake (the client's kernel tries again
  // and is then refused, or meets another process) or find no socket's file, those under way are accepted, and after
  // kCloseGrace the socket closes.
  void begin_close();
  bool closed() const { return closed_; }

  static constexpr std::chrono::milliseconds kCloseGrace{250};

 private:
  struct OnAccepted;
  struct Shared;

  void accept();
  void close();

  boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol, Executor> acceptor_;
  std::shared_ptr<SocketFile> file_;  // null but for a Unix socket
  OnAccept on_accept_;
  OnError on_error_;
  bool paused_ = false;
  bool accepting_ = false;
  bool closing_ = false;
  bool closed_ = false;
  Deadline retry_;
  Deadline close_;
  std::shared_ptr<Shared> shared_;  // outlives this: a handler may come after the end
};

}  // namespace weir::proxy
