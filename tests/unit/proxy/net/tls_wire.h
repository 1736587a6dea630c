// Confined to one thread. A certificate made on the spot, and the far end of a TLS connection: OpenSSL's own, over the
// plain far end of wire.h.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <fstream>
#include <string>

#include "config/tls.h"
#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {

// Signed by itself, for `names` as subjectAltName writes them: "DNS:a.test,IP:127.0.0.1". Paths of PEM files.
inline config::Certificate make_certificate(const std::string& directory, const std::string& names) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_set_pubkey(certificate, key);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(certificate, key, EVP_sha256());
  const config::Certificate paths{
      .certificate = directory + "/certificate.pem", .key = directory + "/key.pem", .ocsp = {}};
  BIO* out = BIO_new_file(paths.certificate.c_str(), "w");
  PEM_write_bio_X509(out, certificate);
  BIO_free(out);
  out = BIO_new_file(paths.key.c_str(), "w");
  PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  BIO_free(out);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return paths;
}

// A client that believes anybody. Nothing is sent or received but by its functions.
class TlsPeer {
 public:
  explicit TlsPeer(Peer& wire, int version = TLS1_3_VERSION) : wire_(wire), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
  }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;
  ~TlsPeer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  // Goes on with the handshake; true once it is done.
  bool shake() {
    take();
    const bool done = SSL_do_handshake(ssl_) == 1;
    send_pending();
    return done;
  }
  void send(std::string_view bytes) {
    SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    send_pending();
  }
  void say_goodbye() {
    SSL_shutdown(ssl_);
    send_pending();
  }
  void update_key() {
    SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(ssl_);
    send_pending();
  }
  // All plain bytes that have come so far.
  const std::string& received() {
    take();
    std::array<char, 16 * 1024> plain;
    for (int got = 1; got > 0;) {
      got = SSL_read(ssl_, plain.data(), static_cast<int>(plain.size()));
      if (got > 0) received_.append(plain.data(), static_cast<std::size_t>(got));
    }
    ERR_clear_error();
    send_pending();
    return received_;
  }
  bool was_told_goodbye() {
    received();
    return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  // What it has to send, instead of sending it.
  std::string pending() {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
    if (!bytes.empty()) BIO_read(SSL_get_wbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  SSL* get() const { return ssl_; }

 private:
  void take() {
    const std::string bytes = wire_.take();
    if (!bytes.empty()) BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
  }
  void send_pending() { wire_.send(pending()); }

  Peer& wire_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  std::string received_;
};

}  // namespace weir::proxy
