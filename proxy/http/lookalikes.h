// Immutable. Field names that are not to be mistaken. Servers of the CGI kind, WSGI and PHP among them, hand a field to
// the application as HTTP_ and its name in upper case with "_" for "-" (RFC 3875 4.1.18): `X_Tier` comes there as
// X-Tier does, and what a proxy says, removes or goes by under the one name could be said behind its back under the
// other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

class Lookalikes {
 public:
  explicit Lookalikes(const std::vector<std::string>& names);

  bool empty() const { return names_.empty(); }
  // Whether such a server takes `name`, which is none of the names, for one of them. Allocates nothing.
  bool holds(std::string_view name) const;

 private:
  std::uint64_t sizes_ = 0;         // bit n: there is one of n bytes; the last bit: of as many or more
  std::vector<std::string> names_;  // those with "-" or "_", by what they are taken for
};

}  // namespace weir::http
