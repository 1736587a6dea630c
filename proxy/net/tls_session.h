// Confined to one worker. One end of a TLS connection without its socket: ciphertext goes in and comes out, plain bytes
// come out and go in. OpenSSL reads from and writes to memory through a BIO of our own, so that nothing is copied that
// need not be, and nothing is kept while a connection is idle.
//
// What is bounded here: a record at a time is encrypted, so that no more ciphertext waits than kOutputAtMost; and the
// messages that a peer may send beside its data, each of which costs us a key or a store (RFC 8446 4.6).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_session_st;

namespace weir::proxy {

// The session of the last connection to one origin, to begin the next one with (RFC 8446 2.2).
class TlsSessionCache {
 public:
  TlsSessionCache() = default;
  ~TlsSessionCache();
  TlsSessionCache(const TlsSessionCache&) = delete;
  TlsSessionCache& operator=(const TlsSessionCache&) = delete;

  // Takes over what OpenSSL has given.
  void keep(ssl_session_st* session);
  void offer(ssl_st* connection) const;

 private:
  ssl_session_st* session_ = nullptr;
};

class TlsSession {
 public:
  static constexpr std::size_t kRecord = 16 * 1024;  // plain bytes (RFC 8446 5.1)
  static constexpr std::size_t kOutputAtMost = 4 * (kRecord + 512);
  // Key updates and tickets: so many, and one more for each so many bytes of data.
  static constexpr std::uint64_t kMessagesFree = 32;
  static constexpr std::uint64_t kBytesPerMessage = 1024 * 1024;

  // Takes over `connection`, and keeps the `context` that it was made from. `cache` may be null.
  TlsSession(ssl_st* connection, std::shared_ptr<const void> context, std::shared_ptr<TlsSessionCache> cache = nullptr);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Step : std::uint8_t {
    kBytes,   // plain bytes have come; into no space: the handshake is done
    kHungry,  // more ciphertext is needed
    kEnded,   // the peer has said that it sends no more
    kFailed,
  };
  struct Read {
    Step step = Step::kHungry;
    std::size_t bytes = 0;
  };
  // Where ciphertext may be received into, for one read() into `space` bytes right behind: shared by the sessions of a
  // thread.
  static std::span<char> receive_space(std::size_t space);
  // Decrypts `received`, and what was left of what came before, into `into`. May leave output.
  Read read(std::span<char> into, std::string_view received);
  // Ciphertext that has come already, for the next read().
  void keep(std::string_view received) { kept_.append(received); }
  // Something that has been received is not decrypted, or not taken, be it an end: no event of the socket will tell of
  // it.
  bool holds_input() const;

  // The handshake is done.
  bool established() const { return established_; }
  // Encrypts one record, of as much of the front of `parts` as it holds, and takes that off them. kHungry: not before
  // the peer has said more, as while the handshake lasts.
  Step write(std::span<std::string_view> parts);
  bool has_room() const { return output().size() + kRecord + 512 <= kOutputAtMost; }
  // Says that no more will be sent.
  void end();

  // Sends what there is to send, as far as the kernel takes it. False: the connection is broken. Called after each of
  // the above, before any other session of the thread is.
  bool send_output(int descriptor);
  bool output_waits() const { return !waiting_.empty(); }
  std::uint64_t bytes_sent() const { return sent_; }

  // Why it has failed, in words of OpenSSL that live for ever; empty while it has not.
  std::string_view failure() const { return failure_; }
  // It is the peer's certificate that was not accepted.
  bool refused_certificate() const { return refused_certificate_; }
  // It is our certificate, or that there is none, that the peer does not accept: it has looked at nothing behind it.
  bool certificate_refused() const { return certificate_refused_; }
  // Of who spoke plain HTTP: he has been told so.
  bool spoke_http() const { return spoke_http_; }
  bool resumed() const;
  // Of a verified client, as x-forwarded-client-cert says it; empty without one.
  std::string client_certificate() const;

 private:
  struct Bio;
  std::string_view output() const;
  void look_for_head(std::string_view received);
  void fail();

  std::shared_ptr<const void> context_;
  ssl_st* ssl_;
  std::shared_ptr<TlsSessionCache> cache_;
  std::string_view input_;  // what OpenSSL reads from now
  std::string kept_;        // ciphertext that found no place
  std::string waiting_;     // ciphertext that the kernel has not taken
  std::size_t fresh_ = 0;   // bytes of output in the thread's space
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;  // plain bytes
  std::uint64_t messages_ = 0;  // of the peer's, beside data
  std::string_view failure_;
  bool refused_certificate_ = false;
  bool certificate_refused_ = false;
  bool spoke_http_ = false;
  std::uint8_t like_head_ = 0;  // how many of the first bytes are a HEAD request's; kNotHead: it is none
  bool established_ = false;
};

}  // namespace weir::proxy
