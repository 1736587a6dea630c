// Pure functions. Figures as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace weir::app {

std::string with_commas(std::int64_t value);  // 12,345
std::string percent(double value);            // of percent: 25 %, 0.12 %, 0.0001 %
std::string milliseconds(double value);       // 8.4 ms, 120 ms, 3.2 s
std::string time_words(double seconds);       // 0.6 s, 45 s, 4m 10s, 1h 24m, 2d 3h, 3 years, never
std::string rate_words(double per_second);    // 1,200, 50, 0.5
// "20 % of the answers have one, 2m after their end".
std::string scored_words(double percent_of_answers, double after_s);
std::string mean_words(double value);        // 12,345, 271.4, 0.8123
std::string bar(double share, int columns);  // full and empty blocks

}  // namespace weir::app
