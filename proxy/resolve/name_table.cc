#include "proxy/resolve/name_table.h"

#include <algorithm>
#include <utility>

namespace weir::proxy {
namespace {

constexpr std::array<AddressFamily, kAddressFamilies> kFamilies{AddressFamily::kIpv4, AddressFamily::kIpv6};

constexpr std::size_t place(AddressFamily family) { return static_cast<std::size_t>(family); }

bool has_addresses(const std::optional<FamilyAnswer>& answer) {
  return answer && answer->kind == FamilyAnswer::Kind::kAddresses;
}

void sort_once(std::vector<std::string>& addresses) {
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

}  // namespace

bool NameTable::wants(AddressFamily family) const {
  if (rules_.family == config::Dns::Family::kBoth) return true;
  return (rules_.family == config::Dns::Family::kIpv4) == (family == AddressFamily::kIpv4);
}

bool NameTable::set(const std::set<std::string>& names, const config::Dns& rules, SteadyTime now) {
  const bool others = rules.servers != rules_.servers || rules.family != rules_.family;
  rules_ = rules;
  std::erase_if(entries_, [&](const auto& entry) { return !names.contains(entry.first); });
  std::erase_if(resolution_.names, [&](const auto& entry) { return !names.contains(entry.first); });
  for (const std::string& name : names) {
    const auto [at, added] = entries_.try_emplace(name);
    Entry& entry = at->second;
    Resolution::Name& standing = resolution_.names[name];
    if (added) entry.at = now;
    // What a longer TTL had said before is too long now.
    entry.at = std::min<SteadyTime>(entry.at, now + rules_.max_ttl);
    if (added || !others) continue;
    entry.at = now;
    entry.asked = false;
    entry.round = {};
    for (const AddressFamily family : kFamilies) {
      if (!wants(family)) entry.known[place(family)] = {};
    }
    combine(entry, standing);
  }
  return others;
}

std::vector<std::string> NameTable::due(SteadyTime now, std::size_t most) {
  std::vector<std::string> names;
  for (auto& [name, entry] : entries_) {
    if (names.size() == most) break;
    if (entry.asked || now < entry.at) continue;
    entry.asked = true;
    entry.round = {};
    names.push_back(name);
  }
  return names;
}

SteadyTime NameTable::next() const {
  SteadyTime first = SteadyTime::max();
  for (const auto& [name, entry] : entries_) {
    if (!entry.asked) first = std::min(first, entry.at);
  }
  return first;
}

void NameTable::answered(const std::string& name, AddressFamily family, FamilyAnswer answer, SteadyTime now) {
  const auto at = entries_.find(name);
  if (at == entries_.end() || !at->second.asked || !wants(family)) return;
  Entry& entry = at->second;
  Resolution::Name& standing = resolution_.names[name];
  if (answer.kind == FamilyAnswer::Kind::kAddresses) {
    Known known{.addresses = std::move(answer.addresses), .reachable = answer.reachable, .left_out = 0};
    // In an order of their own, or those that are left out would be others each time.
    sort_once(known.addresses);
    if (known.addresses.size() > kMostAddresses) {
      known.left_out = known.addresses.size() - kMostAddresses;
      known.addresses.resize(kMostAddresses);
    }
    entry.known[place(family)] = std::move(known);
  }
  entry.round[place(family)] = std::move(answer);
  if (complete(entry)) end_round(entry, standing, now);
  combine(entry, standing);
}

bool NameTable::complete(const Entry& entry) const {
  return std::all_of(kFamilies.begin(), kFamilies.end(),
                     [&](AddressFamily family) { return !wants(family) || entry.round[place(family)].has_value(); });
}

void NameTable::end_round(Entry& entry, Resolution::Name& standing, SteadyTime now) {
  entry.asked = false;
  standing.settled = true;
  ++resolution_.lookups;
  if (std::any_of(entry.round.begin(), entry.round.end(), has_addresses)) {
    for (const AddressFamily family : kFamilies) {
      const std::optional<FamilyAnswer>& answer = entry.round[place(family)];
      if (answer && answer->kind == FamilyAnswer::Kind::kNone) entry.known[place(family)] = {};
    }
    entry.failures = 0;
    standing.problem.clear();
    entry.at = now + lifetime(entry);
    return;
  }
  ++resolution_.failures;
  ++entry.failures;
  entry.at = now + back_off(entry.failures);
  // That nobody answered says more than that there is nothing in one of the families.
  for (const FamilyAnswer::Kind kind : {FamilyAnswer::Kind::kNone, FamilyAnswer::Kind::kFailed}) {
    for (const std::optional<FamilyAnswer>& answer : entry.round) {
      if (answer && answer->kind == kind) standing.problem = answer->problem;
    }
  }
}

config::Duration NameTable::lifetime(const Entry& entry) const {
  std::optional<config::Duration> shortest;
  for (const std::optional<FamilyAnswer>& answer : entry.round) {
    if (has_addresses(answer) && answer->ttl) shortest = std::min(shortest.value_or(*answer->ttl), *answer->ttl);
  }
  const config::Duration said = shortest.value_or(config::Dns::kNoTtl);
  return std::clamp(said, rules_.min_ttl, std::max(rules_.min_ttl, rules_.max_ttl));
}

config::Duration NameTable::back_off(std::uint32_t failures) {
  config::Duration most = kFirstRetry;
  for (std::uint32_t i = 1; i < failures && most < kLongestRetry; ++i) most *= 2;
  most = std::min(most, kLongestRetry);
  return most / 2 + config::Duration(random_.below(static_cast<std::uint32_t>(most.count() / 2) + 1));
}

// Where there is no way to the one family the other is enough; where there is none to either, trying is all that is
// left.
void NameTable::combine(const Entry& entry, Resolution::Name& standing) {
  standing.addresses.clear();
  standing.left_out = 0;
  const auto usable = [](const Known& known) { return known.reachable && !known.addresses.empty(); };
  const bool some = std::any_of(entry.known.begin(), entry.known.end(), usable);
  for (const Known& known : entry.known) {
    if (some && !known.reachable) continue;
    standing.addresses.insert(standing.addresses.end(), known.addresses.begin(), known.addresses.end());
    standing.left_out += known.left_out;
  }
  sort_once(standing.addresses);
}

}  // namespace weir::proxy
