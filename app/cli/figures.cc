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

std::string bar(double share, int columns) {
  const double held = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
  const int full = static_cast<int>(std::lround(held * columns));
  std::string out;
  for (int i = 0; i < columns; ++i) out += i < full ? "█" : "░";
  return out;
}

}  // namespace weir::app
