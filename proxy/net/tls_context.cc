#include "proxy/net/tls_context.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <new>
#include <set>
#include <utility>

#include "base/file_text.h"
#include "base/text.h"
#include "proxy/net/address.h"
#include "proxy/net/tls_tickets.h"
#include "proxy/net/x509_time.h"

namespace weir::proxy {
namespace {

using config::TlsFault;
using File = config::TlsFault::File;

// Mozilla's "intermediate" (wiki.mozilla.org/Security/Server_Side_TLS) without finite-field Diffie-Hellman.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr std::string_view kHttp11("\x08http/1.1", 9);  // as ALPN writes it (RFC 7301 3.1)
constexpr long kTicketLifetime_s = 4 * 3600;
constexpr int kLongestChain = 8;

// What both sides have in common.
TlsContextPtr make_context(const SSL_METHOD* method) {
  TlsContextPtr context(SSL_CTX_new(method));
  SSL_CTX* const made = context.get();
  SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(made, kCiphers12);
  SSL_CTX_set_ciphersuites(made, kCiphers13);
  SSL_CTX_set1_groups_list(made, kGroups);
  SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify_depth(made, kLongestChain);
  // A key with a passphrase is a fault, no reason to ask at a terminal.
  SSL_CTX_set_default_passwd_cb(made, [](char*, int, int, void*) { return 0; });
  return context;
}

// What OpenSSL says, when it has been told to read something that is there.
std::string reason(std::string_view otherwise) {
  const unsigned long error = ERR_peek_error();
  const bool no_pem = ERR_GET_LIB(error) == ERR_LIB_PEM || ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER || error == 0;
  const char* const text = ERR_reason_error_string(error);
  ERR_clear_error();
  return no_pem || text == nullptr ? std::string(otherwise) : text;
}

Validity validity_of(const X509* certificate) {
  return {.from_s = unix_s(X509_get0_notBefore(certificate)), .until_s = unix_s(X509_get0_notAfter(certificate))};
}

// Reads one certificate and its key into a context.
class CertificateReader {
 public:
  struct Found {
    std::vector<TlsFault>& faults;
    std::vector<FileValidity>& validities;
  };
  CertificateReader(SSL_CTX* context, std::size_t place, const Found& found)
      : context_(context), place_(place), faults_(found.faults), validities_(found.validities) {}

  void read(const std::string& certificate, const std::string& key) {
    // Of both, so that each is complained of.
    const bool certificate_is_there = readable(File::kCertificate, certificate);
    const bool both = readable(File::kKey, key) && certificate_is_there;
    if (!both) return;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1)
      return fault(File::kCertificate, certificate, reason("it holds no certificate in PEM"));
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1) {
      const unsigned long error = ERR_peek_error();
      const bool mismatch =
          ERR_GET_LIB(error) == ERR_LIB_X509 &&
          (ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH || ERR_GET_REASON(error) == X509_R_KEY_TYPE_MISMATCH);
      const std::string why = reason("it holds no private key in PEM that can be read without a passphrase");
      return fault(File::kKey, key, mismatch ? "it is not the key of " + certificate : why);
    }
    if (SSL_CTX_check_private_key(context_) != 1)
      return fault(File::kKey, key, reason("it is not the key of " + certificate));
    note(File::kCertificate, certificate, validity_of_chain());
  }

  // Of the certificate that was read.
  OcspResponse read_staple(const std::string& path, std::vector<TlsFault>& left_out) {
    if (path.empty() || SSL_CTX_get0_certificate(context_) == nullptr) return {};
    OcspResponse response;
    const FileText der = read_file(path, FileKind::kRegular);
    response.remark = der.problem;
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get0_chain_certs(context_, &chain);
    if (response.remark.empty()) response = read_ocsp_response(der.text, SSL_CTX_get0_certificate(context_), chain);
    if (response.der.empty()) {
      left_out.push_back({.file = File::kOcsp, .certificate = place_, .path = path, .what = response.remark});
    } else {
      note(File::kOcsp, path, response.validity, response.remark);
    }
    return response;
  }

  void read_authorities(const std::string& path) {
    if (!readable(File::kCa, path)) return;
    ERR_clear_error();
    if (SSL_CTX_load_verify_locations(context_, path.c_str(), nullptr) != 1)
      return fault(File::kCa, path, reason("it holds no certificate in PEM"));
    note(File::kCa, path, validity_of_authorities());
  }

 private:
  bool readable(File file, const std::string& path) {
    const std::string problem = read_file(path, FileKind::kRegular).problem;
    if (!problem.empty()) fault(file, path, problem);
    return problem.empty();
  }
  void fault(File file, const std::string& path, std::string what) {
    faults_.push_back({.file = file, .certificate = place_, .path = path, .what = std::move(what)});
  }
  void note(File file, const std::string& path, const Validity& validity, std::string remark = {}) {
    // All certificates of a listener have the same authorities.
    if (file == File::kCa && place_ > 0) return;
    validities_.push_back(
        {.file = file, .certificate = place_, .path = path, .validity = validity, .remark = std::move(remark)});
  }

  Validity validity_of_chain() const {
    Validity all = validity_of(SSL_CTX_get0_certificate(context_));
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get0_chain_certs(context_, &chain);
    for (int i = 0; i < sk_X509_num(chain); ++i) {
      const Validity one = validity_of(sk_X509_value(chain, i));
      all = {.from_s = std::max(all.from_s, one.from_s), .until_s = std::min(all.until_s, one.until_s)};
    }
    return all;
  }
  Validity validity_of_authorities() const {
    Validity any{.from_s = Validity::kEver, .until_s = 0};
    STACK_OF(X509_OBJECT)* const objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context_));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
      const X509* const certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
      if (certificate == nullptr) continue;
      const Validity one = validity_of(certificate);
      any = {.from_s = std::min(any.from_s, one.from_s), .until_s = std::max(any.until_s, one.until_s)};
    }
    return any;
  }

  SSL_CTX* context_;
  std::size_t place_;
  std::vector<TlsFault>& faults_;
  std::vector<FileValidity>& validities_;
};

// The names that a certificate is for, in lower case.
std::vector<std::string> names_of(SSL_CTX* context) {
  std::vector<std::string> names;
  const X509* const leaf = SSL_CTX_get0_certificate(context);
  auto* const alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    const auto* const bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    names.push_back(lower_case({bytes, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
  }
  GENERAL_NAMES_free(alternatives);
  return names;
}

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest digest_of(std::string_view text) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

// A session may be resumed only where the same clients are let in as where it began.
std::string session_scope(const config::ListenerTls& settings) {
  std::string scope = "weir";
  if (settings.clients) {
    // What cannot be read was a fault.
    scope += (settings.clients->require ? "+" : "?") + read_file(settings.clients->ca, FileKind::kRegular).text;
  }
  const Digest digest = digest_of(scope);
  return {digest.begin(), digest.end()};
}

void ask_for_certificates(SSL_CTX* context, const config::ClientCertificates& clients) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (clients.require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(clients.ca.c_str()));
}

// Whether one of those that are believed may certify others (RFC 5280 4.2.1.9).
bool knows_an_authority(const SSL_CTX* context) {
  STACK_OF(X509_OBJECT)* const objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    X509* const certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    if (certificate != nullptr && X509_check_ca(certificate) != 0) return true;
  }
  return false;
}

// RFC 7301 3.2: a client that offers protocols, none of them ours, is turned away.
void agree_on_http11(SSL_CTX* context) {
  const auto choose = [](SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                         unsigned int length, void*) {
    const auto* const ours = reinterpret_cast<const unsigned char*>(kHttp11.data());
    unsigned char* found = nullptr;
    const int outcome =
        SSL_select_next_proto(&found, size, ours, static_cast<unsigned int>(kHttp11.size()), offered, length);
    if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
  };
  SSL_CTX_set_alpn_select_cb(context, choose, nullptr);
}

}  // namespace

void FreeTlsContext::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

struct TlsServerContext::Callbacks {
  // And only under the name under which it began (RFC 6066 3), as the client writes it: what it was told of one is no
  // word about another, whose certificate it has not seen. The one callback that comes before a session is looked for.
  static int scope(SSL* ssl, int* alert, void* self) {
    std::string text = static_cast<const TlsServerContext*>(self)->session_scope_;
    const unsigned char* name = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &name, &size) == 1)
      text.append(reinterpret_cast<const char*>(name), size);
    const Digest digest = digest_of(text);
    if (SSL_set_session_id_context(ssl, digest.data(), digest.size()) == 1) return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }

  static int name(SSL* ssl, int*, void* self) {
    const char* const asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_CTX* const context = static_cast<const TlsServerContext*>(self)->find(lower_case(asked));
    if (context == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_SSL_CTX(ssl, context);
    return SSL_TLSEXT_ERR_OK;
  }

  static int staple(SSL* ssl, void* self) {
    const auto& context = *static_cast<const TlsServerContext*>(self);
    const auto at = std::find(context.leaves_.begin(), context.leaves_.end(), SSL_get_certificate(ssl));
    if (at == context.leaves_.end()) return SSL_TLSEXT_ERR_NOACK;
    const auto& [der, validity, remark] = context.staples_[static_cast<std::size_t>(at - context.leaves_.begin())];
    if (der.empty() || !validity.holds(std::time(nullptr))) return SSL_TLSEXT_ERR_NOACK;
    auto* const copy = static_cast<unsigned char*>(OPENSSL_memdup(der.data(), der.size()));
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(der.size()));
    return SSL_TLSEXT_ERR_OK;
  }
};

std::shared_ptr<const TlsServerContext> TlsServerContext::read(const config::ListenerTls& settings,
                                                               std::shared_ptr<TlsTickets> tickets,
                                                               std::vector<TlsFault>& faults) {
  const std::size_t before = faults.size();
  auto made = std::make_shared<TlsServerContext>();
  made->tickets_ = std::move(tickets);
  made->staples_.resize(settings.certificates.size());
  made->asks_for_certificates_ = settings.clients.has_value();
  made->session_scope_ = session_scope(settings);
  for (std::size_t i = 0; i < settings.certificates.size(); ++i) {
    made->contexts_.push_back(make_context(TLS_server_method()));
    SSL_CTX* const context = made->contexts_.back().get();
    if (settings.min_version == config::TlsVersion::k13) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets alone: nothing is kept here
    SSL_CTX_set_timeout(context, kTicketLifetime_s);
    // A resumed session is not asked for its certificate again, which may have expired by then or been replaced.
    SSL_CTX_set_num_tickets(context, settings.clients ? 0 : 1);
    if (settings.clients) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    if (!settings.clients && made->tickets_ != nullptr) made->tickets_->install(context);
    SSL_CTX_set_client_hello_cb(context, &Callbacks::scope, made.get());
    SSL_CTX_set_tlsext_servername_callback(context, &Callbacks::name);
    SSL_CTX_set_tlsext_servername_arg(context, made.get());
    agree_on_http11(context);
    CertificateReader reader(context, i, {faults, made->validities_});
    reader.read(settings.certificates[i].certificate, settings.certificates[i].key);
    made->staples_[i] = reader.read_staple(settings.certificates[i].ocsp, made->left_out_);
    SSL_CTX_set_tlsext_status_cb(context, &Callbacks::staple);
    SSL_CTX_set_tlsext_status_arg(context, made.get());
    made->leaves_.push_back(SSL_CTX_get0_certificate(context));
    if (settings.clients && (i == 0 || faults.size() == before)) reader.read_authorities(settings.clients->ca);
    if (faults.size() != before) continue;
    if (settings.clients) ask_for_certificates(context, *settings.clients);
    if (settings.clients && i == 0 && !knows_an_authority(context)) {
      made->doubts_.push_back(
          {.file = File::kCa,
           .path = settings.clients->ca,
           .what = "no certificate in it is an authority's (basicConstraints CA:TRUE), so no client's is believed but "
                   "one of these themselves; expected who has signed the clients'"});
    }
    for (const std::string& name : names_of(context)) made->names_.try_emplace(name, context);
  }
  if (faults.size() == before) made->join_of_same_names(settings);
  ERR_clear_error();
  if (faults.size() == before && !made->contexts_.empty()) return made;
  faults.insert(faults.end(), made->left_out_.begin(), made->left_out_.end());
  return nullptr;
}

// Certificates of the same names with keys of different types, ECDSA and RSA most often, serve whoever understands
// which: one context has them all, and OpenSSL chooses.
void TlsServerContext::join_of_same_names(const config::ListenerTls& settings) {
  struct Kind {
    std::set<std::string> names;
    int key_type = 0;
    bool operator==(const Kind&) const = default;
  };
  std::vector<Kind> known;
  for (const TlsContextPtr& context : contexts_) {
    const std::vector<std::string> names = names_of(context.get());
    EVP_PKEY* const key = SSL_CTX_get0_privatekey(context.get());
    Kind kind{{names.begin(), names.end()}, EVP_PKEY_get_base_id(key)};
    const auto first = std::find_if(known.begin(), known.end(), [&](const Kind& k) { return k.names == kind.names; });
    const auto same = std::find(known.begin(), known.end(), kind);
    if (same != known.end() && !names.empty()) {
      doubts_.push_back({.file = File::kCertificate,
                         .certificate = known.size(),
                         .path = settings.certificates[known.size()].certificate,
                         .what = "certificates[" + std::to_string(same - known.begin()) +
                                 "] is for the same names, with a key of the same type, so this one is never shown; "
                                 "expected other names, or an RSA key beside an ECDSA one"});
    }
    if (first != known.end() && same == known.end() && !names.empty()) {
      SSL_CTX* const joined = contexts_[static_cast<std::size_t>(first - known.begin())].get();
      STACK_OF(X509)* chain = nullptr;
      SSL_CTX_get0_chain_certs(context.get(), &chain);
      X509* const leaf = SSL_CTX_get0_certificate(context.get());
      if (SSL_CTX_use_cert_and_key(joined, leaf, key, chain, 1) != 1) throw std::bad_alloc();
    }
    known.push_back(std::move(kind));
  }
}

std::unique_ptr<TlsSession> TlsServerContext::accept() const {
  SSL* const connection = SSL_new(contexts_.front().get());
  if (connection == nullptr) throw std::bad_alloc();
  SSL_set_accept_state(connection);
  return std::make_unique<TlsSession>(connection, shared_from_this());
}

// The exact name, then the wildcard that stands for its first label (RFC 6125 6.4.3).
ssl_ctx_st* TlsServerContext::find(std::string name) const {
  if (name.ends_with('.')) name.pop_back();
  auto at = names_.find(name);
  const std::size_t dot = name.find('.');
  if (at == names_.end() && dot != std::string::npos && dot > 0) at = names_.find("*" + name.substr(dot));
  return at == names_.end() ? nullptr : at->second;
}

std::shared_ptr<const TlsClientContext> TlsClientContext::read(const config::OriginTls& settings,
                                                               std::vector<TlsFault>& faults) {
  const std::size_t before = faults.size();
  auto made = std::make_shared<TlsClientContext>();
  made->context_ = make_context(TLS_client_method());
  made->server_name_ = settings.server_name;
  made->verifies_ = !settings.insecure_skip_verify;
  SSL_CTX* const context = made->context_.get();
  CertificateReader reader(context, 0, {faults, made->validities_});
  if (!settings.ca.empty()) {
    reader.read_authorities(settings.ca);
  } else {
    SSL_CTX_set_default_verify_paths(context);
  }
  if (!settings.certificate.empty()) reader.read(settings.certificate, settings.key);
  SSL_CTX_set_verify(context, made->verifies_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(kHttp11.data()),
                          static_cast<unsigned int>(kHttp11.size()));
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
    auto* const cache = static_cast<TlsSessionCache*>(SSL_get_app_data(ssl));
    if (cache == nullptr) return 0;
    cache->keep(session);
    return 1;
  });
  ERR_clear_error();
  return faults.size() == before ? made : nullptr;
}

std::unique_ptr<TlsSession> TlsClientContext::connect(const std::string& host,
                                                      std::shared_ptr<TlsSessionCache> cache) const {
  SSL* const connection = SSL_new(context_.get());
  if (connection == nullptr) throw std::bad_alloc();
  SSL_set_connect_state(connection);
  const std::string& name = server_name_.empty() ? host : server_name_;
  // An address is not asked for by name (RFC 6066 3), but the certificate has to be for it.
  bool named = false;
  if (parse_ip(name, 0)) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), name.c_str()) == 1;
  } else {
    // The names of subjectAltName alone: a subject's common name may be anything (RFC 9525 2).
    SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    named = SSL_set_tlsext_host_name(connection, name.c_str()) == 1 && SSL_set1_host(connection, name.c_str()) == 1;
  }
  if (!named) throw std::bad_alloc();  // or nobody would look whose certificate it is; the name itself was checked
  return std::make_unique<TlsSession>(connection, shared_from_this(), std::move(cache));
}

}  // namespace weir::proxy
