// Confined to one worker. Read buffers of a few sizes, kept for the next connection that needs one: an idle connection
// holds none. Only some of the kept ones stay in memory: the pages of the others are given back to the system, which
// free() does not do for what lies between other blocks of the heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace weir::proxy {

class BufferPool;

// Whole pages, so that they can be given back.
struct PageDelete {
  static constexpr std::align_val_t kAlignment{4096};
  void operator()(char* bytes) const { ::operator delete[](bytes, kAlignment); }
};
using PageBytes = std::unique_ptr<char[], PageDelete>;

// Bytes [begin, end) have been read and not yet used. Empty (capacity 0) until taken from a pool.
class ReadBuffer {
 public:
  ReadBuffer() = default;
  ReadBuffer(ReadBuffer&& other) noexcept;
  ReadBuffer& operator=(ReadBuffer&& other) noexcept;
  ~ReadBuffer() { release(); }

  explicit operator bool() const { return capacity_ != 0; }
  std::size_t capacity() const { return capacity_; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  const char* data() const { return front() + begin_; }

  // Room behind the unread bytes: all of the buffer when there are none. Not while a read is under way into what an
  // earlier call gave, unless that read is redirected.
  std::span<char> space() {
    if (empty()) begin_ = end_ = 0;
    return {front() + end_, capacity_ - end_};
  }
  // So much was read into space(), at its front.
  void filled(std::size_t bytes) { end_ += bytes; }
  void consume(std::size_t bytes) { begin_ += bytes; }
  // Moves the unread bytes to the front; views into the buffer die.
  void compact();
  // Moves the unread bytes into a buffer of at least `capacity`; views into the buffer die.
  void grow(std::size_t capacity);
  // Back to the pool, unread bytes and all.
  void release();

 private:
  friend class BufferPool;
  // Processors copy with `rep movsb` several times slower between places that are as far into their pages, and the
  // kernel copies so, into pages of its own: where much is read at a time it does not go to the front of a page.
  static constexpr std::size_t kLead = 448;
  static constexpr std::size_t lead(std::size_t capacity) { return capacity < 32 * 1024 ? 0 : kLead; }
  char* front() const { return bytes_.get() + lead(capacity_); }

  BufferPool* pool_ = nullptr;
  PageBytes bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// Must outlive its buffers.
class BufferPool {
 public:
  // A buffer of at least `capacity` bytes: the next power of two, 4 KiB at least. Never fails for want of budget.
  ReadBuffer take(std::size_t capacity);

  // What the buffers in use, clients' TLS sessions and what is lent may take together. It is for those who take them to
  // keep to it: once crowded() no new work is begun and no buffer made larger but for a head that has begun, once
  // full() not for that either.
  void set_budget(std::size_t bytes) { budget_ = bytes; }
  std::size_t in_use() const { return in_use_; }
  bool crowded() const { return in_use_ > budget_ - budget_ / 10; }
  // Earlier: who is to give way to all others does so before there is too little for them.
  bool tight() const { return in_use_ > budget_ - budget_ / 4; }
  bool full() const { return in_use_ > budget_; }
  // Memory of its worker's that others have for a while, as of now; and whether no more is to be lent.
  void set_lent(std::size_t bytes) {
    in_use_ += bytes - lent_;
    lent_ = bytes;
  }
  bool lending_crowded() const { return lent_ > budget_ / 8; }
  // Handshakes may take half of it, so that clients who never end theirs leave room for who did.
  bool handshakes_crowded() const { return handshakes_ > budget_ / 2; }

 private:
  friend class ReadBuffer;
  friend class TlsShare;
  static constexpr std::size_t kSmallest = 4 * 1024;
  static constexpr std::size_t kSizes = 7;                // up to 256 KiB are kept
  static constexpr std::size_t kWarmBytes = 1024 * 1024;  // of each size

  struct Free {
    std::vector<PageBytes> warm;
    std::vector<PageBytes> cold;  // without memory behind them
  };

  // Whole pages, with the lead.
  static std::size_t allocated(std::size_t capacity);
  void give(PageBytes bytes, std::size_t capacity);

  std::array<Free, kSizes> free_;
  std::size_t in_use_ = 0;
  std::size_t handshakes_ = 0;  // of it
  std::size_t lent_ = 0;        // of it
  std::size_t budget_ = SIZE_MAX;
};

// What the TLS session of one client takes of a pool's budget: memory of OpenSSL's, of which a pool knows nothing else.
// The pool must outlive it.
class TlsShare {
 public:
  // As measured with OpenSSL 3.0: a handshake that waits for its client, and a session between two requests.
  static constexpr std::size_t kHandshake = 40 * 1024;
  static constexpr std::size_t kEstablished = 15 * 1024;

  TlsShare() = default;
  ~TlsShare() { give_back(); }
  TlsShare(const TlsShare&) = delete;
  TlsShare& operator=(const TlsShare&) = delete;

  void shake_hands(BufferPool& pool) {
    pool_ = &pool;
    bytes_ = kHandshake;
    pool.in_use_ += kHandshake;
    pool.handshakes_ += kHandshake;
  }
  // Once they have been shaken; of a session that is established, or none at all, nothing.
  void establish() {
    if (bytes_ != kHandshake) return;
    pool_->handshakes_ -= kHandshake;
    pool_->in_use_ -= kHandshake - kEstablished;
    bytes_ = kEstablished;
  }

 private:
  void give_back() {
    if (bytes_ == 0) return;
    establish();
    pool_->in_use_ -= bytes_;
  }

  BufferPool* pool_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace weir::proxy
