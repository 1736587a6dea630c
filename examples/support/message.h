// Confined to one thread. Just enough HTTP/1.1 for a model server and its users: messages framed by Content-Length.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/asio.h"

namespace weir::examples {

using Tcp = asio::ip::tcp;
using Socket = asio::basic_stream_socket<Tcp, Executor>;

inline constexpr asio::as_tuple_t<UseAwaitable> kAsTuple{kUseAwaitable};

struct Message {
  std::string head;  // up to and including the empty line
  bool close = false;

  // The value of a field, trimmed; empty where there is none. `name` in lower case.
  std::string_view field(std::string_view name) const;
  // Of a response: its status code; 0 where the start line is not understood.
  int status() const;
};

// The next message. Its body is read and dropped; bytes after it stay in `buffer`, to be given to the next call.
// Nothing when the peer is gone, or sends what this is not enough for.
Awaitable<std::optional<Message>> read_message(Socket& socket, std::string& buffer);

}  // namespace weir::examples
