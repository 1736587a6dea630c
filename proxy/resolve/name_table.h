// Confined to one thread; the time and the randomness are handed in. What is known of each name, and when it is asked
// for again. It asks nobody itself.
//
// A name has two families of addresses, which are two questions. What a family's answer says replaces what was known of
// it at once, so that one that comes is not kept waiting by one that does not. That a family has no address counts only
// beside an answer with addresses in the other one: a name without any address at all is a failure, and what was known
// last stays in use, as it does when nobody answers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "config/dns.h"
#include "proxy/resolve/resolution.h"

namespace weir::proxy {

enum class AddressFamily : std::uint8_t { kIpv4, kIpv6 };
inline constexpr std::size_t kAddressFamilies = 2;

struct FamilyAnswer {
  enum class Kind : std::uint8_t { kAddresses, kNone, kFailed };
  Kind kind = Kind::kFailed;
  std::vector<std::string> addresses = {};   // in digits; not empty for kAddresses
  std::optional<config::Duration> ttl = {};  // the shortest that the answer said
  bool reachable = true;                     // this machine has a way to addresses of the family
  std::string problem = {};                  // of the others: why
};

class NameTable {
 public:
  // Of one family, of one name.
  static constexpr std::size_t kMostAddresses = 128;
  // After the first failure; doubled with each further one in a row. The time is drawn between one half and the whole.
  static constexpr config::Duration kFirstRetry{1'000};
  static constexpr config::Duration kLongestRetry{30'000};

  explicit NameTable(const Random& random) : random_(random) {}

  // From now on these names, by these rules. A name that stays keeps what is known of it; when the servers or the
  // families are others it is asked for at once, and answers to earlier questions do not count: true.
  bool set(const std::set<std::string>& names, const config::Dns& rules, SteadyTime now);

  // Whose time has come, `most` of them, each once until its answers are in.
  std::vector<std::string> due(SteadyTime now, std::size_t most);
  // When the next one's time comes; max() when there is none.
  SteadyTime next() const;

  // One for each family that the rules want. Answers for a name that is none any more are dropped.
  void answered(const std::string& name, AddressFamily family, FamilyAnswer answer, SteadyTime now);

  bool wants(AddressFamily family) const;
  const Resolution& resolution() const { return resolution_; }

 private:
  struct Known {
    std::vector<std::string> addresses = {};
    bool reachable = true;
    std::size_t left_out = 0;
  };
  struct Entry {
    SteadyTime at{};  // when it is asked for next
    bool asked = false;
    std::uint32_t failures = 0;  // in a row
    std::array<Known, kAddressFamilies> known = {};
    std::array<std::optional<FamilyAnswer>, kAddressFamilies> round = {};  // to the questions under way
  };

  bool complete(const Entry& entry) const;
  void end_round(Entry& entry, Resolution::Name& standing, SteadyTime now);
  config::Duration lifetime(const Entry& entry) const;
  config::Duration back_off(std::uint32_t failures);
  static void combine(const Entry& entry, Resolution::Name& standing);

  Random random_;
  config::Dns rules_;
  std::map<std::string, Entry> entries_;
  Resolution resolution_;
};

}  // namespace weir::proxy
