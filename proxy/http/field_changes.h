// Immutable. What a plan changes in all heads of one direction of a route, made once: a head's edits point at it.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/field.h"
#include "proxy/http/lookalikes.h"

namespace weir::http {

struct FieldChanges {
  std::vector<std::string> replaced;  // lines of these names are left out, those that we add ourselves among them
  std::vector<std::string> removed;   // received lines of these names are left out
  std::string lines;                  // whole lines, put behind all others
  // Of requests: left out is also what their origin could take for a field that the plan speaks of. Null: nothing.
  std::shared_ptr<const Lookalikes> lookalikes = {};

  bool empty() const { return replaced.empty() && removed.empty() && lines.empty() && lookalikes == nullptr; }
  bool replaces(std::string_view name) const { return has(replaced, name, equal_ignoring_case); }
  bool drops(std::string_view name) const {
    if (lookalikes == nullptr) return replaces(name) || has(removed, name, equal_ignoring_case);
    return has(replaced, name, same_variable) || has(removed, name, same_variable) || lookalikes->holds(name);
  }

 private:
  static bool has(const std::vector<std::string>& names, std::string_view name,
                  bool (*same)(std::string_view, std::string_view)) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& each) { return same(each, name); });
  }
};

}  // namespace weir::http
