// Pure functions. Quantities as a plan writes them: a number and its unit, never a bare number that could mean
// anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/limits.h"

namespace weir::config {

// "250ms", "1.5s", "2m", "6h", "1d"; "none" is kNever. A whole number of milliseconds, 0 included.
std::optional<Duration> parse_duration(std::string_view text);
// "512B", "8KiB", "64MiB", "1GiB"; "none" is kUnlimited.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "25" or "25%", at most 100, to the last part per million: nothing finer is accepted.
std::optional<std::uint32_t> parse_percent_ppm(std::string_view text);
// "10%" or "250%" as 0.1 and 2.5; the sign is needed.
std::optional<double> parse_share(std::string_view text);

std::string format_duration(Duration duration);
std::string format_size(std::uint64_t bytes);
std::string format_percent(std::uint32_t ppm);
// Of what parse_share() makes: to the last of its digits.
std::string format_share(double share);

}  // namespace weir::config
