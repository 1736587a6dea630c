#include "proxy/net/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>

#include <algorithm>
#include <string>

namespace weir::proxy {

int TlsTickets::find_key(bool seal, unsigned char* name, unsigned char* iv, Key& key) {
  key = current(std::chrono::steady_clock::now());
  if (!seal) return find(name, key);
  std::copy(key.name.begin(), key.name.end(), name);
  return RAND_bytes(iv, EVP_MAX_IV_LENGTH) == 1 ? 0 : -1;
}

TlsTickets::TlsTickets() : keys_{draw(), draw(), draw()}, drawn_(std::chrono::steady_clock::now()) {}

// What is answered is as SSL_CTX_set_tlsext_ticket_key_evp_cb(3) wants it: 1 done, 2 done and give a new ticket, 0 no
// such key, -1 failed.
void TlsTickets::install(ssl_ctx_st* context) {
  SSL_CTX_set_app_data(context, this);
  const auto callback = [](SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                           int seal) {
    Key key;
    auto& tickets = *static_cast<TlsTickets*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const int place = tickets.find_key(seal == 1, name, iv, key);
    if (place < 0) return seal == 1 ? -1 : 0;
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
    const bool keyed = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, seal) == 1 &&
                       EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
    return !keyed ? -1 : place == 0 ? 1 : 2;
  };
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, callback);
}

TlsTickets::Key TlsTickets::draw() {
  Key key;
  RAND_bytes(key.name.data(), static_cast<int>(key.name.size()));
  RAND_bytes(key.cipher.data(), static_cast<int>(key.cipher.size()));
  RAND_bytes(key.mac.data(), static_cast<int>(key.mac.size()));
  return key;
}

TlsTickets::Key TlsTickets::current(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  for (; now - drawn_ >= kRotation; drawn_ += kRotation) {
    keys_[2] = keys_[1];
    keys_[1] = keys_[0];
    keys_[0] = draw();
  }
  return keys_[0];
}

int TlsTickets::find(const unsigned char* name, Key& key) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(keys_.begin(), keys_.end(), [&](const Key& known) {
    return std::equal(known.name.begin(), known.name.end(), name);
  });
  if (at == keys_.end()) return -1;
  key = *at;
  return static_cast<int>(at - keys_.begin());
}

}  // namespace weir::proxy
