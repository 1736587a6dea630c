#include "config/load/tls_files.h"

#include <algorithm>

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

std::string_view key_of(const TlsFault& fault) {
  if (fault.file == TlsFault::File::kCa) return "ca";
  return fault.file == TlsFault::File::kKey ? "key" : "certificate";
}

std::string text_of(const std::string& key, const TlsFault& fault) {
  return key + ": " + fault.path + ": " + fault.what;
}

// What a version says of TLS, and whether the files can be used.
struct OriginPlace {
  const Node& version;
  std::string path;
};
void check_origin(const OriginPlace& at, const Version& settings, const Environment& environment, Report& report) {
  const std::string& path = at.path;
  const Node* const tls = at.version.find("tls");
  const OriginTls& origin = settings.tls;
  const auto is_secure = [](const Endpoint& endpoint) { return endpoint.tls; };
  if (tls == nullptr) return;
  if (std::none_of(settings.endpoints.begin(), settings.endpoints.end(), is_secure))
    report.error(tls->position, path + ".tls: none of the endpoints speaks TLS", "https://host:port");
  if (origin.certificate.empty() != origin.key.empty())
    return report.error(tls->position, path + ".tls has one of certificate and key", "both or none");
  if (origin.insecure_skip_verify) {
    report.warn(place(*tls, {"insecureSkipVerify"}),
                path +
                    ".tls.insecureSkipVerify: endpoints are not verified, so anybody on the way can read and change "
                    "everything",
                "ca: the authority that certifies them");
  }
  if (!environment.origin_tls) return;
  for (const TlsFault& fault : environment.origin_tls(origin)) {
    const std::string_view key = key_of(fault);
    report.error(place(*tls, {key}), text_of(path + ".tls." + std::string(key), fault));
  }
  if (!environment.origin_tls_doubts) return;
  for (const TlsFault& doubt : environment.origin_tls_doubts(origin)) {
    const std::string_view key = key_of(doubt);
    report.warn(place(*tls, {key}), text_of(path + ".tls." + std::string(key), doubt));
  }
}

}  // namespace

void check_tls_files(const Config& config, const Node& root, const Environment& environment, Report& report) {
  const Node* const listeners = root.find("listeners");
  for (std::size_t i = 0; i < config.listeners.size() && environment.listener_tls; ++i) {
    const Listener& listener = config.listeners[i];
    const Node* const tls = element(listeners, i).find("tls");
    if (tls == nullptr || !listener.tls || !complete(*listener.tls)) continue;
    const std::string path = "listeners[" + std::to_string(i) + "].tls.";
    for (const TlsFault& fault : environment.listener_tls(*listener.tls)) {
      report.error(position_of(fault, *tls), text_of(path + name_of(fault), fault));
    }
    if (!environment.listener_tls_doubts) continue;
    for (const TlsFault& doubt : environment.listener_tls_doubts(*listener.tls)) {
      report.warn(position_of(doubt, *tls), text_of(path + name_of(doubt), doubt));
    }
  }
  for (const auto& [name, service] : config.services) {
    for (const auto& [version, settings] : service.versions) {
      const Node* const node = find(root, {"services", name, "versions", version});
      if (node == nullptr) continue;
      check_origin({*node, "services." + name + ".versions." + version}, settings, environment, report);
    }
  }
}

}  // namespace weir::config
