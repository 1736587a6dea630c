#include "proxy/net/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <new>

#include "base/hex.h"

namespace weir::proxy {

std::string hmac_sha256_hex(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(message.data());
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, message.size(), digest.data(), &size) ==
      nullptr) {
    throw std::bad_alloc();  // there is no other reason
  }
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) append_hex(digest[i], hex);
  return hex;
}

}  // namespace weir::proxy
