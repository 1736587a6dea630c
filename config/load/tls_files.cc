#include "config/load/tls_files.h"

#include "config/load/places.h"

namespace weir::config {
namespace {

// Where the file of a listener stands in the plan.
Position position_of(const TlsFault& fault, const Node& tls) {
  const Node& certificate = element(find(tls, {"certificates"}), fault.certificate);
  switch (fault.file) {
    case TlsFault::File::kCertificate:
      return place(certificate, {"certificate"});
    case TlsFault::File::kKey:
      return place(certificate, {"key"});
    case TlsFault::File::kOcsp:
      return place(certificate, {"ocsp"});
    case TlsFault::File::kCa:
      break;
  }
  return place(tls, {"clientCertificates", "ca"});
}

std::string name_of(const TlsFault& fault) {
  const std::string certificate = "certificates[" + std::to_string(fault.certificate) + "].";
  switch (fault.file) {
    case TlsFault::File::kCertificate:
      return certificate + "certificate";
    case TlsFault::File::kKey:
      return certificate + "key";
    case TlsFault::File::kOcsp:
      return certificate + "ocsp";
    case TlsFault::File::kCa:
      break;
  }
  return "clientCertificates.ca";
}

bool complete(const ListenerTls& tls) {
  bool complete = !tls.certificates.empty() && (!tls.clients || !tls.clients->ca.empty());
  for (const Certificate& one : tls.certificates) complete = complete && !one.certificate.empty() && !one.key.empty();
  return complete;
}

}  // namespace

void check_tls_files(const Config& config, const Node& root, const Environment& environment, Report& report) {
  const Node* const listeners = root.find("listeners");
  for (std::size_t i = 0; i < config.listeners.size() && environment.listener_tls; ++i) {
    const Listener& listener = config.listeners[i];
    const Node* const tls = element(listeners, i).find("tls");
    if (tls == nullptr || !listener.tls || !complete(*listener.tls)) continue;
    for (const TlsFault& fault : environment.listener_tls(*listener.tls)) {
      report.error(position_of(fault, *tls), "listeners[" + std::to_string(i) + "].tls." + name_of(fault) + ": " +
                                                 fault.path + ": " + fault.what);
    }
  }
}

}  // namespace weir::config
