#include "config/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace weir::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: what a value is written in.
constexpr std::array kDurations = {Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000},
                                   Unit{"ms", 1}};
constexpr std::array kSizes = {Unit{"GiB", 1ULL << 30}, Unit{"MiB", 1ULL << 20}, Unit{"KiB", 1ULL << 10}, Unit{"B", 1}};
constexpr int kFractionDigits = 6;
constexpr std::uint64_t kScale = 1'000'000;  // 10 to the kFractionDigits

struct Quantity {
  std::uint64_t scaled = 0;  // times kScale
  std::string_view unit;
};

// Digits, perhaps a point and up to six more, then the unit.
std::optional<Quantity> parse_quantity(std::string_view text) {
  std::uint64_t whole = 0;
  const char* const end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, whole);
  if (error != std::errc() || whole > UINT64_MAX / kScale / 2) return std::nullopt;
  std::uint64_t fraction = 0;
  if (at != end && *at == '.') {
    int digits = 0;
    for (++at; at != end && *at >= '0' && *at <= '9'; ++at, ++digits) {
      if (digits == kFractionDigits) return std::nullopt;
      fraction = fraction * 10 + static_cast<std::uint64_t>(*at - '0');
    }
    if (digits == 0) return std::nullopt;
    for (; digits < kFractionDigits; ++digits) fraction *= 10;
  }
  return Quantity{whole * kScale + fraction, {at, static_cast<std::size_t>(end - at)}};
}

template <std::size_t N>
std::optional<std::uint64_t> parse_with(const std::array<Unit, N>& units, std::string_view text) {
  const std::optional<Quantity> quantity = parse_quantity(text);
  if (!quantity) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != quantity->unit) continue;
    if (quantity->scaled != 0 && unit.factor > UINT64_MAX / quantity->scaled) return std::nullopt;
    const std::uint64_t product = quantity->scaled * unit.factor;
    if (product % kScale != 0) return std::nullopt;
    return product / kScale;
  }
  return std::nullopt;
}

// In the largest unit that it is a multiple of.
template <std::size_t N>
std::string format_with(const std::array<Unit, N>& units, std::uint64_t value) {
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return {};
}

// `scaled` divided by 10 to the `digits`, without zeros at the end.
std::string format_decimal(std::uint64_t scaled, int digits) {
  std::string text = std::to_string(scaled);
  const auto fraction = static_cast<std::size_t>(digits);
  if (text.size() <= fraction) text.insert(0, fraction + 1 - text.size(), '0');
  text.insert(text.size() - fraction, 1, '.');
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "none") return kNever;
  const std::optional<std::uint64_t> milliseconds = parse_with(kDurations, text);
  constexpr std::uint64_t kLongest = 10ULL * 365 * 86'400'000;
  if (!milliseconds || *milliseconds > kLongest) return std::nullopt;
  return Duration(*milliseconds);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  if (text == "none") return kUnlimited;
  return parse_with(kSizes, text);
}

std::optional<std::uint32_t> parse_percent_ppm(std::string_view text) {
  const std::optional<Quantity> quantity = parse_quantity(text);
  if (!quantity || (!quantity->unit.empty() && quantity->unit != "%")) return std::nullopt;
  constexpr std::uint64_t kPpmPerPercent = 10'000;
  const std::uint64_t ppm_scaled = quantity->scaled * kPpmPerPercent;
  if (quantity->scaled > 100 * kScale || ppm_scaled % kScale != 0) return std::nullopt;
  return static_cast<std::uint32_t>(ppm_scaled / kScale);
}

std::optional<double> parse_share(std::string_view text) {
  const std::optional<Quantity> quantity = parse_quantity(text);
  if (!quantity || quantity->unit != "%") return std::nullopt;
  return static_cast<double>(quantity->scaled) / static_cast<double>(kScale) / 100;
}

std::string format_duration(Duration duration) {
  if (duration == kNever) return "none";
  const auto milliseconds = static_cast<std::uint64_t>(duration.count());
  return milliseconds == 0 ? "0s" : format_with(kDurations, milliseconds);
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == kUnlimited) return "none";
  return bytes == 0 ? "0B" : format_with(kSizes, bytes);
}

std::string format_percent(std::uint32_t ppm) { return format_decimal(ppm, 4) + "%"; }

std::string format_share(double share) {
  return format_decimal(static_cast<std::uint64_t>(std::llround(share * 100 * kScale)), kFractionDigits) + "%";
}

}  // namespace weir::config
