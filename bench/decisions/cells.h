// Pure functions. The cells of the tables of STATISTICS.md section 6, as far as there are guards for them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/forecast/outlook.h"
#include "analysis/sim/trial.h"
#include "base/json.h"

namespace weir::bench {

// What section 6 judges together, in the order of section_six_guards_of_quality().
constexpr std::array<const char*, 7> kSevenGuards{"error", "p50", "p90", "p99", "halluc", "relevance", "tokens"};

struct Cell {
  enum class Family { kFalseRollback, kDetection, kSimpson, kAdvance, kFalseAdvance };

  std::string name;
  Family family = Family::kFalseRollback;
  analysis::sim::Trial trial;
  int runs = 0;  // in full
  analysis::Regression explained;  // kDetection: what `weir explain` calls the trial's
};
std::string_view to_string(Cell::Family family);

std::vector<Cell> all_cells();

// Of a cell of kDetection, in seconds: when `weir explain` says that it is found.
analysis::TimeSpan explained(const Cell& cell);

// One replication: seconds by name, null where it did not happen.
json::Value run_cell(const Cell& cell, std::uint64_t seed);

}  // namespace weir::bench
