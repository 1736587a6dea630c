// Immutable. What is known of the names of endpoints at one moment.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace weir::proxy {

struct Resolution {
  struct Name {
    std::vector<std::string> addresses = {};  // in digits, in order; those known last while it cannot be resolved
    bool settled = false;                     // it has been asked for to the end, with whatever result
    std::string problem = {};                 // why it cannot be resolved; empty: it can
    std::size_t left_out = 0;                 // addresses more than a name may have

    bool operator==(const Name&) const = default;
  };

  std::map<std::string, Name> names = {};
  std::uint64_t lookups = 0;   // that came to their end, ever
  std::uint64_t failures = 0;  // of these, without an address

  // Nothing of it is known: empty.
  const std::vector<std::string>& addresses(const std::string& name) const {
    static const std::vector<std::string> kNone;
    const auto at = names.find(name);
    return at == names.end() ? kNone : at->second.addresses;
  }
  // All of these have been asked for to the end.
  bool settled(const std::set<std::string>& all) const {
    return std::all_of(all.begin(), all.end(), [this](const std::string& name) {
      const auto at = names.find(name);
      return at != names.end() && at->second.settled;
    });
  }
};

}  // namespace weir::proxy
