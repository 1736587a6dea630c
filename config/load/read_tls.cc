#include "config/load/read.h"
#include "config/load/values.h"

namespace weir::config {

std::optional<ListenerTls> read_listener_tls(const Node& node) {
  const Node* const map = node.find("tls");
  if (map == nullptr) return std::nullopt;
  ListenerTls tls;
  if (const Node* const certificates = map->find("certificates")) {
    for (const Node& element : certificates->list) {
      Certificate& certificate = tls.certificates.emplace_back();
      read(element, "certificate", certificate.certificate);
      read(element, "key", certificate.key);
      read(element, "ocsp", certificate.ocsp);
    }
  }
  const std::string* const version = scalar(*map, "minVersion");
  if (version != nullptr && *version == "1.3") tls.min_version = TlsVersion::k13;
  if (const Node* const clients = map->find("clientCertificates")) {
    tls.clients.emplace();
    read(*clients, "ca", tls.clients->ca);
    read(*clients, "require", tls.clients->require);
  }
  return tls;
}

OriginTls read_origin_tls(const Node& node) {
  OriginTls tls;
  const Node* const map = node.find("tls");
  if (map == nullptr) return tls;
  read(*map, "ca", tls.ca);
  read(*map, "certificate", tls.certificate);
  read(*map, "key", tls.key);
  read(*map, "serverName", tls.server_name);
  read(*map, "insecureSkipVerify", tls.insecure_skip_verify);
  return tls;
}

}  // namespace weir::config
