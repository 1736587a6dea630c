// Immutable. What a plan changes in all heads of one direction of a route, made once: a head's edits point at it.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/field.h"

namespace weir::http {

struct FieldChanges {
  std::vector<std::string> replaced;  // lines of these names are left out, those that we add ourselves among them
  std::vector<std::string> removed;   // received lines of these names are left out
  std::string lines;                  // whole lines, put behind all others

  bool empty() const { return replaced.empty() && removed.empty() && lines.empty(); }
  bool replaces(std::string_view name) const { return has(replaced, name); }
  bool drops(std::string_view name) const { return has(replaced, name) || has(removed, name); }

 private:
  static bool has(const std::vector<std::string>& names, std::string_view name) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& each) { return equal_ignoring_case(each, name); });
  }
};

}  // namespace weir::http
