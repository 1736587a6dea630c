// Replications of one cell: `decisions --list`, or `decisions CELL FIRST_SEED RUNS`. JSON to standard output.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "bench/decisions/cells.h"

namespace weir::bench {
namespace {

void print(const json::Value& value) { std::printf("%s\n", json::write(value).c_str()); }

int list() {
  json::Array cells;
  for (const Cell& cell : all_cells()) {
    json::Object listed{{"name", cell.name}, {"family", to_string(cell.family)}, {"runs", cell.runs}};
    if (cell.family == Cell::Family::kDetection) {
      const analysis::TimeSpan span = explained(cell);
      listed.set("explained", json::Object{{"p50", span.p50}, {"p95", span.p95}});
    }
    cells.push_back(std::move(listed));
  }
  print(cells);
  return 0;
}

int replicate(const Cell& cell, std::uint64_t first_seed, std::uint64_t runs) {
  json::Array done;
  const std::clock_t began = std::clock();
  for (std::uint64_t i = 0; i < runs; ++i) done.push_back(run_cell(cell, first_seed + i));
  const double cpu_s = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  print(json::Object{{"first_seed", first_seed}, {"cpu_s", cpu_s}, {"runs", std::move(done)}});
  return 0;
}

int run_program(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1 && arguments[0] == "--list") return list();
  if (arguments.size() == 3) {
    for (const Cell& cell : all_cells()) {
      if (cell.name != arguments[0]) continue;
      return replicate(cell, std::strtoull(arguments[1].c_str(), nullptr, 10),
                       std::strtoull(arguments[2].c_str(), nullptr, 10));
    }
    std::fprintf(stderr, "decisions: there is no cell \"%s\"; --list has them\n", arguments[0].c_str());
    return 2;
  }
  std::fprintf(stderr, "usage: decisions --list | decisions CELL FIRST_SEED RUNS\n");
  return 2;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) { return weir::bench::run_program({argv + 1, argv + argc}); }
