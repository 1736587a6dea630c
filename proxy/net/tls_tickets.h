// Thread-safe. The keys that session tickets are sealed with, shared by all listeners and workers, so that a client may
// resume anywhere. A new key every 8 hours; tickets of the last two still open, so none does for more than a day
// (RFC 5077 5.5). A lock is taken once a handshake, never for a request.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <mutex>

#include "base/clock.h"

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;
struct ssl_ctx_st;

namespace weir::proxy {

class TlsTickets {
 public:
  static constexpr std::chrono::hours kRotation{8};

  TlsTickets();

  // The context seals and opens its tickets with these keys, which must outlive it.
  void install(ssl_ctx_st* context);

 private:
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
  };
  static Key draw();
  // The one to seal with, first replaced when it is old.
  Key current(SteadyTime now);
  // Whose name it is: 0 the current one's, 1 and 2 older ones'; -1 nobody's.
  int find(const unsigned char* name, Key& key);
  // The one to seal or to open with, found by its name or giving it; its place, -1 for none.
  int find_key(bool seal, unsigned char* name, unsigned char* iv, Key& key);

  std::mutex mutex_;
  std::array<Key, 3> keys_;
  SteadyTime drawn_;
};

}  // namespace weir::proxy
