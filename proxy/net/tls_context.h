// Immutable and thread-safe. What TLS connections begin with: certificates, keys and whom to believe, read from files
// once. A connection keeps what it began with, however often files change after.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/tls.h"
#include "proxy/net/ocsp_response.h"
#include "proxy/net/tls_session.h"
#include "proxy/net/validity.h"

struct ssl_ctx_st;
struct x509_st;

namespace weir::proxy {

class TlsTickets;

struct FreeTlsContext {
  void operator()(ssl_ctx_st* context) const;
};
using TlsContextPtr = std::unique_ptr<ssl_ctx_st, FreeTlsContext>;

// Of a listener: TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers alone (Mozilla's "intermediate").
class TlsServerContext : public std::enable_shared_from_this<TlsServerContext> {
 public:
  // Null, and at least one fault, when a file cannot be used; but for an OCSP response, which is left out then: a
  // certificate that is renewed before its response must not wait for it. `tickets` lets clients resume.
  static std::shared_ptr<const TlsServerContext> read(const config::ListenerTls& settings,
                                                      std::shared_ptr<TlsTickets> tickets,
                                                      std::vector<config::TlsFault>& faults);

  std::unique_ptr<TlsSession> accept() const;
  bool asks_for_certificates() const { return asks_for_certificates_; }
  // OCSP responses that are not stapled, and why.
  const std::vector<config::TlsFault>& left_out() const { return left_out_; }
  // What people should know of files that are used.
  const std::vector<config::TlsFault>& doubts() const { return doubts_; }
  // Of what was read and can end. A response is stapled while it holds.
  const std::vector<FileValidity>& validities() const { return validities_; }

 private:
  struct Callbacks;
  void join_of_same_names(const config::ListenerTls& settings);
  // The context for a name that a client asks for.
  ssl_ctx_st* find(std::string name) const;

  std::shared_ptr<TlsTickets> tickets_;
  std::vector<TlsContextPtr> contexts_;  // in the plan's order
  std::vector<const x509_st*> leaves_;   // each one's own certificate
  std::vector<OcspResponse> staples_;    // one each, without DER for none
  std::vector<config::TlsFault> left_out_;
  std::vector<config::TlsFault> doubts_;
  std::vector<FileValidity> validities_;
  std::unordered_map<std::string, ssl_ctx_st*> names_;
  std::string session_scope_;
  bool asks_for_certificates_ = false;
};

// To the endpoints of a version.
class TlsClientContext : public std::enable_shared_from_this<TlsClientContext> {
 public:
  static std::shared_ptr<const TlsClientContext> read(const config::OriginTls& settings,
                                                      std::vector<config::TlsFault>& faults);

  // To an endpoint at `host`: the name, or the address, that its certificate has to be for.
  std::unique_ptr<TlsSession> connect(const std::string& host, std::shared_ptr<TlsSessionCache> cache) const;
  // Of what was read and can end; of the system's authorities nothing.
  const std::vector<FileValidity>& validities() const { return validities_; }

 private:
  TlsContextPtr context_;
  std::vector<FileValidity> validities_;
  std::string server_name_;
  bool verifies_ = true;
};

}  // namespace weir::proxy
