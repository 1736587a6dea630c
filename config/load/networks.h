// Pure functions. Networks as a plan writes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/load/document.h"
#include "config/load/report.h"
#include "config/network.h"

namespace weir::config {

// "10.0.0.0/8", "2001:db8::/32", or one address; "::ffff:10.0.0.0/104" is the first of these.
std::optional<Cidr> parse_cidr(const std::string& text);
// Each of a list; `path` is the list's.
std::vector<Cidr> read_networks(const Node& list, const std::string& path, Report& report);
// What `node` holds under `trustedHops`, if it does; `path` is the key's.
std::optional<TrustedHops> read_trusted_hops(const Node& node, const std::string& path, Report& report);

}  // namespace weir::config
