#include "app/cli/figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace weir::app {
namespace {

std::string formatted(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

}  // namespace

std::string with_commas(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string percent(double value) {
  const double size = std::abs(value);
  if (value == std::floor(value)) return formatted("%.0f %%", value);
  if (size >= 10) return formatted("%.1f %%", value);
  if (size >= 0.01) return formatted("%.2f %%", value);
  return formatted("%.4f %%", value);
}

std::string milliseconds(double value) {
  if (value < 10) return formatted("%.1f ms", value);
  if (value < 1000) return formatted("%.0f ms", value);
  return formatted("%.1f s", value / 1000);
}

std::string time_words(double seconds) {
  struct Unit {
    double seconds;
    const char* large;
    double part;
    const char* small;
  };
  // The first whose unit fits, with what is left over in the next smaller.
  static constexpr std::array<Unit, 3> kUnits = {{{86'400, "d", 3'600, "h"}, {3'600, "h", 60, "m"}, {60, "m", 1, "s"}}};
  constexpr double kYear = 365.25 * 86'400;
  if (!std::isfinite(seconds)) return "never";
  if (seconds >= 1'000 * kYear) return "ages";
  if (seconds >= 2 * kYear) return formatted("%.0f years", seconds / kYear);
  if (seconds >= 100 * 86'400.0) return formatted("%.0fd", seconds / 86'400);
  for (const Unit& unit : kUnits) {
    const double parts = std::round(seconds / unit.part);
    const double whole = std::floor(parts * unit.part / unit.seconds);
    if (whole < 1) continue;
    const double rest = parts - whole * unit.seconds / unit.part;
    std::string text = formatted("%.0f", whole) + unit.large;
    if (rest >= 1) text += " " + formatted("%.0f", rest) + unit.small;
    return text;
  }
  return formatted(seconds < 10 ? "%.1f s" : "%.0f s", seconds);
}

std::string rate_words(double per_second) {
  if (per_second >= 100) return with_commas(std::llround(per_second));
  return formatted("%.3g", per_second);
}

std::string scored_words(double percent_of_answers, double after_s) {
  return percent(percent_of_answers) + " of the answers have one, " + time_words(after_s) + " after their end";
}

std::string mean_words(double value) {
  if (std::abs(value) >= 10'000) return with_commas(std::llround(value));
  return formatted("%.4g", value);
}

std::string bar(double share, int columns) {
  const double held = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
  const int full = static_cast<int>(std::lround(held * columns));
  std::string out;
  for (int i = 0; i < columns; ++i) out += i < full ? "█" : "░";
  return out;
}

}  // namespace weir::app
