// Confined to one thread. The problems found so far, and where in the file one is looking.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load/load.h"

namespace weir::config {

class Report {
 public:
  void error(const Position& position, std::string what, std::string expected = {}, std::string_view nearest = {}) {
    problems_.push_back(
        {Problem::Severity::kError, position, std::move(what), std::move(expected), std::string(nearest)});
  }
  void warn(const Position& position, std::string what, std::string expected = {}) {
    problems_.push_back({Problem::Severity::kWarning, position, std::move(what), std::move(expected), {}});
  }
  bool has_errors() const;
  // By position; of two at one place the one found first.
  std::vector<Problem> take();

 private:
  std::vector<Problem> problems_;
};

}  // namespace weir::config
