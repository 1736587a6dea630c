// Immutable once loaded. TLS as a plan has it, on both sides. Certificates and keys are files in PEM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::config {

enum class TlsVersion : std::uint8_t { k12, k13 };

struct Certificate {
  std::string certificate = {};  // with the chain behind it
  std::string key = {};
  std::string ocsp = {};  // a response in DER to staple; empty: none
  bool operator==(const Certificate&) const = default;
};

struct ClientCertificates {
  std::string ca = {};  // whose certificates are believed
  bool require = true;
  bool operator==(const ClientCertificates&) const = default;
};

// Of a listener.
struct ListenerTls {
  std::vector<Certificate> certificates = {};  // the first is for who asks for none of their names
  TlsVersion min_version = TlsVersion::k12;
  std::optional<ClientCertificates> clients = {};
  bool operator==(const ListenerTls&) const = default;
};

// To the endpoints of a version.
struct OriginTls {
  std::string ca = {};  // empty: the system's
  std::string certificate = {};
  std::string key = {};
  std::string server_name = {};  // empty: the endpoint's host
  bool insecure_skip_verify = false;
  bool operator==(const OriginTls&) const = default;
};

// What is wrong with one of the files.
struct TlsFault {
  enum class File : std::uint8_t { kCertificate, kKey, kOcsp, kCa };
  File file = File::kCertificate;
  std::size_t certificate = 0;  // which one of a listener's
  std::string path = {};
  std::string what = {};
};

}  // namespace weir::config
