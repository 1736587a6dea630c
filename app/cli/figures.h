// Pure functions. Figures as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace weir::app {

std::string with_commas(std::int64_t value);  // 12,345
std::string percent(double value);            // of percent: 25 %, 0.12 %, 0.0001 %
std::string milliseconds(double value);       // 8.4 ms, 120 ms, 3.2 s
std::string bar(double share, int columns);   // full and empty blocks

}  // namespace weir::app
