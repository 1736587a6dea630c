// Pure functions, for sources of proxy/net alone. Times as OpenSSL has them.
#pragma once

#include <openssl/asn1.h>

#include <cstdint>
#include <ctime>

namespace weir::proxy {

// Seconds since 1970; 0, which is long ago, for what is no time.
inline std::int64_t unix_s(const ASN1_TIME* time) {
  std::tm parts{};
  return time != nullptr && ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

}  // namespace weir::proxy
