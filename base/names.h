// Confined to one thread. Interns the names of services, routes, versions and bulkheads: dense ids that are never
// reused within a process, so that a record outlives the reload that took its service away.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"

namespace weir {

class NameTable {
 public:
  std::uint32_t intern(std::string_view name) {
    const auto [at, added] = ids_.try_emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
    if (added) names_.emplace_back(name);
    return at->second;
  }
  // kNoId for a name never interned.
  std::uint32_t find(std::string_view name) const {
    const auto at = ids_.find(std::string(name));
    return at == ids_.end() ? kNoId : at->second;
  }
  // "" for an id that was never given out.
  const std::string& name(std::uint32_t id) const {
    static const std::string kUnknown;
    return id < names_.size() ? names_[id] : kUnknown;
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }

 private:
  std::unordered_map<std::string, std::uint32_t> ids_;
  std::vector<std::string> names_;
};

// A version's name means something within its service only: it is interned as "service/version".
struct Names {
  NameTable services;
  NameTable routes;
  NameTable versions;
  NameTable bulkheads;  // a route or a listener that has limits of its own, each as its builder calls it

  VersionId version(std::string_view service, std::string_view name) {
    std::string full(service);
    full += '/';
    full += name;
    return versions.intern(full);
  }
};

}  // namespace weir
