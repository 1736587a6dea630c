#include "proxy/http/lookalikes.h"

#include <algorithm>

#include "proxy/http/field.h"

namespace weir::http {
namespace {

std::uint64_t size_bit(std::string_view name) { return std::uint64_t{1} << std::min<std::size_t>(name.size(), 63); }

struct BySizeAndVariable {
  bool operator()(std::string_view a, std::string_view b) const {
    if (a.size() != b.size()) return a.size() < b.size();
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return variable_char(x) < variable_char(y); });
  }
};

}  // namespace

Lookalikes::Lookalikes(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name.find_first_of("-_") == std::string::npos) continue;
    names_.push_back(name);
    sizes_ |= size_bit(name);
  }
  std::sort(names_.begin(), names_.end(), BySizeAndVariable());
}

bool Lookalikes::holds(std::string_view name) const {
  if ((sizes_ & size_bit(name)) == 0) return false;
  bool same = false;
  for (auto named = std::lower_bound(names_.begin(), names_.end(), name, BySizeAndVariable());
       named != names_.end() && same_variable(*named, name); ++named) {
    if (equal_ignoring_case(*named, name)) return false;
    same = true;
  }
  return same;
}

}  // namespace weir::http
