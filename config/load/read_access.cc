#include "base/text.h"
#include "config/load/networks.h"
#include "config/load/read.h"
#include "config/load/values.h"

namespace weir::config {

AddressRules read_address_rules(const Node& node, const std::string& path, Report& report) {
  AddressRules rules;
  if (const Node* const list = node.find("allow")) rules.allow = read_networks(*list, path + ".allow", report);
  if (const Node* const list = node.find("deny")) rules.deny = read_networks(*list, path + ".deny", report);
  return rules;
}

ApiKeys read_api_keys(const Node& node, const std::string& path, const Environment& environment, Report& report) {
  ApiKeys keys;
  const Node* const map = node.find("apiKeys");
  if (map == nullptr) return keys;
  read(*map, "header", keys.header);
  keys.header = lower_case(keys.header);
  read(*map, "forward", keys.forward);
  const Node* const list = map->find("keys");
  for (std::size_t i = 0; list != nullptr && i < list->list.size(); ++i) {
    const Node& element = list->list[i];
    ApiKey& key = keys.keys.emplace_back();
    read(element, "name", key.name);
    const Node* const secret = element.find("key");
    const std::string place = path + ".apiKeys.keys[" + std::to_string(i) + "].key";
    if (secret != nullptr) key.key = read_secret(*secret, place, environment, report);
  }
  return keys;
}

std::optional<RateLimit> read_rate_limit(const Node& node) {
  const Node* const map = node.find("rateLimit");
  if (map == nullptr) return std::nullopt;
  RateLimit limit;
  read_count(*map, "requests", limit.requests);
  limit.per = duration_of(*map, "per").value_or(limit.per);
  limit.burst = limit.requests;
  read_count(*map, "burst", limit.burst);
  if (const Node* const by = map->find("by")) {
    if (by->scalar == "clientAddress") limit.by = RateLimit::By::kClientAddress;
    if (by->scalar == "apiKey") limit.by = RateLimit::By::kApiKey;
    read(*by, "header", limit.header);
    if (!limit.header.empty()) limit.by = RateLimit::By::kHeader;
    limit.header = lower_case(limit.header);
  }
  return limit;
}

}  // namespace weir::config
