#include "config/load/report.h"

#include <algorithm>
#include <tuple>

namespace weir::config {

bool Report::has_errors() const {
  return std::any_of(problems_.begin(), problems_.end(),
                     [](const Problem& p) { return p.severity == Problem::Severity::kError; });
}

std::vector<Problem> Report::take() {
  const auto place = [](const Problem& p) { return std::tuple(p.position.line, p.position.column); };
  std::stable_sort(problems_.begin(), problems_.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return std::move(problems_);
}

// What stands in a plan may move a terminal's cursor; what is said about it may not.
std::string format(const Problem& problem, std::string_view file) {
  std::string text(file);
  text += ":" + std::to_string(problem.position.line) + ":" + std::to_string(problem.position.column) + ": ";
  text += problem.severity == Problem::Severity::kError ? "error: " : "warning: ";
  text += problem.what;
  if (!problem.expected.empty()) text += "; expected " + problem.expected;
  if (!problem.nearest.empty()) text += "; did you mean " + problem.nearest + "?";
  for (char& c : text) c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text;
}

}  // namespace weir::config
