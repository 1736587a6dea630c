// Pure functions. Signatures by a shared secret.
#pragma once

#include <string>
#include <string_view>

namespace weir::proxy {

// HMAC-SHA256 (RFC 2104, FIPS 180-4) in lower-case hex digits.
std::string hmac_sha256_hex(std::string_view key, std::string_view message);

}  // namespace weir::proxy
