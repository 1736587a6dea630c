#include "config/load/cidr.h"

#include <arpa/inet.h>

#include <charconv>

namespace weir::config {

std::optional<Cidr> parse_cidr(const std::string& text) {
  Cidr cidr;
  cidr.text = text;
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  int most = 128;
  if (::inet_pton(AF_INET, address.c_str(), &cidr.address[12]) == 1) {
    cidr.address[10] = cidr.address[11] = 0xff;
    most = 32;
  } else if (::inet_pton(AF_INET6, address.c_str(), cidr.address.data()) != 1) {
    return std::nullopt;
  }
  int bits = most;
  if (slash != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + slash + 1, end, bits);
    if (error != std::errc() || at != end || bits < 0 || bits > most) return std::nullopt;
  }
  cidr.prefix_bits = bits + 128 - most;
  return cidr;
}

}  // namespace weir::config
