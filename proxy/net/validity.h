// Pure functions, and plain values. From when to when what TLS reads from its files holds, and what people should know
// of that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "config/tls.h"

namespace weir::proxy {

// In seconds since 1970, both included.
struct Validity {
  static constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::max();
  std::int64_t from_s = 0;
  std::int64_t until_s = kEver;

  bool holds(std::int64_t now_s) const { return from_s <= now_s && now_s <= until_s; }
  bool operator==(const Validity&) const = default;
};

// Of one file. Of a certificate the time in which its whole chain holds; of authorities the one in which any does, for
// those that go are kept beside those that come.
struct FileValidity {
  config::TlsFault::File file = config::TlsFault::File::kCertificate;
  std::size_t certificate = 0;  // which one of a listener's
  std::string path;
  Validity validity;
  std::string remark = {};  // what people should know of it at any time
};

enum class Standing : std::uint8_t { kGood, kEndsSoon, kEnded, kNotYet };

// An OCSP response never ends soon: it is made for a few days.
inline constexpr std::int64_t kSoon_s = 14 * 24 * 3600;
Standing standing(const FileValidity& of, std::int64_t now_s);
// What people should know of it now; nothing when all is well.
std::optional<config::TlsFault> doubt(const FileValidity& of, std::int64_t now_s);

}  // namespace weir::proxy
