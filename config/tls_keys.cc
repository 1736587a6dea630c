// The keys of TLS, on both sides.
#include "config/keys.h"

namespace weir::config::keys {
namespace {

const Section& certificate() {
  static const Section section{
      .name = "certificate",
      .sentence =
          "A certificate and its key. It is for the names that it says itself (its DNS subject alternative names).",
      .keys = {
          {.name = "certificate",
           .sentence = "The file of the certificate, in PEM, the chain behind it.",
           .required = true},
          {.name = "key", .sentence = "The file of its private key, in PEM, without a passphrase.", .required = true},
          {.name = "ocsp", .sentence = "The file of an OCSP response in DER, which clients get if they ask."}}};
  return section;
}

const Section& client_certificates() {
  static const Section section{
      .name = "client certificates",
      .sentence =
          "Clients are asked for a certificate. What a verified one says goes to the origin as "
          "x-forwarded-client-cert.",
      .keys = {
          {.name = "ca", .sentence = "The file of the authorities whose certificates count, in PEM.", .required = true},
          {.name = "require",
           .kind = Kind::kBoolean,
           .sentence = "Whether a client without one is turned away. One with a wrong one always is.",
           .fallback = "true"}}};
  return section;
}

}  // namespace

const Section& origin_tls() {
  static const Section section{
      .name = "origin TLS",
      .sentence =
          "TLS 1.2 and 1.3 to https endpoints, whose certificates are verified. Its files are read again when they "
          "change.",
      .keys = {{.name = "ca",
                .sentence = "The file of the authorities that certify endpoints, in PEM.",
                .fallback = "the system's"},
               {.name = "certificate", .sentence = "The file of a certificate that endpoints ask for, in PEM."},
               {.name = "key", .sentence = "The file of its private key, in PEM, without a passphrase."},
               {.name = "serverName",
                .kind = Kind::kHost,
                .sentence = "The name to ask for, which the certificate has to be for.",
                .fallback = "the endpoint's host"},
               {.name = "insecureSkipVerify",
                .kind = Kind::kBoolean,
                .sentence = "Believes whoever answers: anybody on the way can read and change everything.",
                .fallback = "false"}}};
  return section;
}

const Section& listener_tls() {
  static const Section section{
      .name = "listener TLS",
      .sentence =
          "TLS 1.2 and 1.3, with forward secrecy and authenticated ciphers alone. Its files are read again when "
          "they change.",
      .keys = {required(list("certificates", "Chosen by the name that a client asks for; the first for all others.",
                             certificate())),
               word("minVersion", "The oldest version of TLS that a client may speak.", "1.2", {"1.2", "1.3"}),
               object("clientCertificates", "Asks clients for certificates.", client_certificates())}};
  return section;
}

}  // namespace weir::config::keys
