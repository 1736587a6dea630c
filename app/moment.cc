#include "app/moment.h"

#include <chrono>

#include "config/units.h"

namespace weir::app {
namespace {

constexpr std::int64_t kDay_ms = 24LL * 3'600 * 1'000;

// Digits up to `end`, which is taken too; 0 stands for the end of the text.
std::optional<int> take_number(std::string_view& text, std::size_t digits, char end) {
  int value = 0;
  if (text.size() < digits) return {};
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return {};
    value = 10 * value + (text[i] - '0');
  }
  text.remove_prefix(digits);
  if (end == 0) return value;
  if (!text.starts_with(end)) return {};
  text.remove_prefix(1);
  return value;
}

// HH:MM, HH:MM:SS, HH:MM:SS.mmm, with or without a Z.
std::optional<std::int64_t> time_of_day(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  const std::optional<int> hour = take_number(text, 2, ':');
  const std::optional<int> minute = hour ? take_number(text, 2, 0) : std::nullopt;
  if (!minute || *hour > 23 || *minute > 59) return {};
  std::int64_t ms = (*hour * 60LL + *minute) * 60'000;
  if (text.empty()) return ms;
  if (!text.starts_with(':')) return {};
  text.remove_prefix(1);
  const std::optional<int> second = take_number(text, 2, 0);
  if (!second || *second > 59) return {};
  ms += *second * 1'000LL;
  if (text.empty()) return ms;
  if (!text.starts_with('.')) return {};
  text.remove_prefix(1);
  const std::optional<int> rest = take_number(text, 3, 0);
  return rest && text.empty() ? std::optional(ms + *rest) : std::nullopt;
}

std::optional<std::int64_t> day(std::string_view& text) {
  const std::optional<int> year = take_number(text, 4, '-');
  const std::optional<int> month = year ? take_number(text, 2, '-') : std::nullopt;
  const std::optional<int> of_month = month ? take_number(text, 2, 0) : std::nullopt;
  if (!of_month) return {};
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*of_month))};
  if (!date.ok()) return {};
  return std::chrono::sys_days(date).time_since_epoch().count() * kDay_ms;
}

}  // namespace

std::optional<std::int64_t> parse_moment(std::string_view text, std::int64_t now_ms) {
  if (const std::optional<config::Duration> ago = config::parse_duration(text)) {
    return *ago == config::kNever ? std::nullopt : std::optional<std::int64_t>(now_ms - ago->count());
  }
  if (const std::optional<std::int64_t> time = time_of_day(text)) {
    const std::int64_t today = now_ms - now_ms % kDay_ms + *time;
    return today <= now_ms ? today : today - kDay_ms;
  }
  const std::optional<std::int64_t> date = day(text);
  if (!date) return {};
  if (text.empty()) return date;
  if (!text.starts_with('T') && !text.starts_with(' ')) return {};
  text.remove_prefix(1);
  const std::optional<std::int64_t> time = time_of_day(text);
  return time ? std::optional(*date + *time) : std::nullopt;
}

}  // namespace weir::app
