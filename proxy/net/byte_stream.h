// Confined to one worker. A connection as bytes: TCP or a Unix socket, with TLS inside it once start_tls() has been
// called. Its path for plain bytes is not virtual.
//
// At most one read and one write are under way at a time. Neither is awaited: whoever observes the stream is woken when
// one has come to its end, and asks what became of it. So one coroutine can watch a client while an origin works.
#pragma once

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/asio.h"
#include "proxy/net/tls_session.h"
#include "proxy/net/waker.h"

namespace weir::proxy {

using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;

enum class ReadState : std::uint8_t {
  kIdle,  // no read under way, nothing to take
  kPending,
  kData,       // `bytes` have come
  kReadable,   // a wait has ended: something can be read
  kCancelled,  // by cancel_read(), and nothing had come
  kEnd,        // the peer has finished sending
  kCutOff,     // of TLS: so has the network, and the peer has not said that it would: bytes may be missing
  kFailed,     // the connection is broken
};

struct ReadResult {
  ReadState state = ReadState::kIdle;
  std::size_t bytes = 0;
};

class ByteStream final {
 public:
  static constexpr std::size_t kMaxParts = 4;
  static constexpr int kReadsInARow = 8;

  ByteStream() = default;
  explicit ByteStream(StreamSocket socket);
  ByteStream(ByteStream&& other) noexcept;
  ByteStream& operator=(ByteStream&& other) noexcept;
  ~ByteStream() { close(); }

  bool is_open() const { return state_ != nullptr; }

  // From now on what is read and written goes through TLS. `received` has come already: ciphertext behind what else the
  // connection began with. No read or write is under way. The first read or write shakes hands.
  void start_tls(std::unique_ptr<TlsSession> session, std::string_view received = {});
  // Null for plain bytes.
  const TlsSession* tls() const;
  // Shakes hands alone, as a read that ends as kReadable when that is done.
  void start_handshake();

  // Null: nobody is woken, results wait.
  void set_observer(Wakeable* observer);

  // Reads what comes first into `space`, which must live until the result is taken or the stream closed. After a read
  // that left nothing behind this costs no system call: the kernel's next edge is waited for (read_op.h).
  void start_read(std::span<char> space);
  // Instead: reads at once what the last read has left behind. What one read brings is still in the
  // processor's caches when it is sent on; after a turn of the event loop it is not. False: nothing is known of, or so
  // much was read in a row that others have their turn. True: take_read() has it.
  bool read_rest(std::span<char> space);
  // The last read has left some. Of TLS nothing is known.
  bool rest_waits() const;
  // A read is under way and nothing has come yet: it may be redirected to another place.
  bool can_redirect_read() const;
  void redirect_read(std::span<char> space);
  // Waits until something can be read, without a buffer: for a connection parked while idle.
  void start_wait();
  // Waits for the peer to finish sending or for the connection to break, without a buffer: for a peer whose next bytes
  // there is no room for. ended() is true from then on, and broke() if it did; behind an end that was none, it waits for
  // that. While no read is under way; the next one ends it.
  void watch_for_end();
  bool ended() const;
  bool broke() const;
  // A pending read ends soon: as kCancelled, or with what came just before. Only while not writing().
  void cancel_read();
  bool reading() const;
  // The kernel has bytes that no read has taken. A system call.
  bool unread() const;
  // For what stands in front of the connection's own bytes, whatever these are, and before the first read: copies what
  // the kernel has and leaves it there. kPending: nothing has come yet.
  ReadResult peek(std::span<char> space) const;
  // Takes so many of them away.
  void skip(std::size_t bytes);
  // The result of the last read; kPending while it is under way, kIdle once taken.
  ReadResult take_read();

  // Sends the parts in order: as much as the kernel takes at once, in one call, the rest when it can. The bytes must
  // live until writing() is false or the stream closed. `more`: another write follows at once, whatever happens; the
  // kernel may keep what fills no packet until then.
  void write(std::span<const std::string_view> parts, bool more = false);
  bool writing() const;
  bool write_failed() const;
  // Bytes accepted by the kernel since the stream was opened, those of TLS itself included.
  std::uint64_t bytes_written() const;

  // No more will be sent; TLS says so too. Not while writing().
  void shutdown_send();
  void close();
  // Closes such that the peer sees a reset, never a clean end, nor one of TLS: for a message cut short.
  void abort();

 private:
  struct State;
  struct OnWait;
  struct OnBreak;
  struct OnWrite;
  struct OnFlush;
  struct OnRead;
  State* state_ = nullptr;  // deletes itself once closed and the last handler has run
};

}  // namespace weir::proxy
