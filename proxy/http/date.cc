#include "proxy/http/date.h"

#include <cstdio>
#include <ctime>

namespace weir::http {

// Not by strftime(): its names follow the locale.
void DateText::update(std::chrono::system_clock::time_point now) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t second = std::chrono::system_clock::to_time_t(now);
  if (second == second_) return;
  second_ = second;
  std::tm parts{};
  ::gmtime_r(&second, &parts);
  const int size = std::snprintf(text_.data(), text_.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                                 (parts.tm_year + 1900) % 10'000, parts.tm_hour, parts.tm_min, parts.tm_sec);
  size_ = size > 0 && static_cast<std::size_t>(size) < text_.size() ? static_cast<std::size_t>(size) : 0;
}

}  // namespace weir::http
