// Immutable once loaded. What a route does with what it has matched: changes on the way to a service and back, or an
// answer of the weir's own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::config {

// Field lines of a head; names in lower case, each named once.
struct HeaderEdits {
  std::vector<std::pair<std::string, std::string>> set = {};  // in place of what there is
  std::vector<std::pair<std::string, std::string>> add = {};  // beside what there is
  std::vector<std::string> remove = {};

  bool operator==(const HeaderEdits&) const = default;
};

struct Rewrite {
  std::optional<std::string> prefix = {};  // of the path, in place of the route's pathPrefix
  std::string host = {};                   // empty: as it came
};

struct Redirect {
  std::uint32_t status = 302;
  std::string scheme = {};  // empty, and so below: the request's own
  std::string host = {};
  std::uint32_t port = 0;
  std::optional<std::string> path = {};    // in place of the whole path
  std::optional<std::string> prefix = {};  // in place of the route's pathPrefix
};

struct Respond {
  std::uint32_t status = 200;
  std::string body = {};
  std::string content_type = "text/plain; charset=utf-8";
};

}  // namespace weir::config
