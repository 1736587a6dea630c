// Pure functions. A moment as people type it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::app {

// In UTC: "2026-11-28T18:00:00Z", without the seconds, or the date alone; "18:00" or "18:00:30", the last one before
// `now_ms`; or how long ago, as "90m". Milliseconds since 1970.
std::optional<std::int64_t> parse_moment(std::string_view text, std::int64_t now_ms);

}  // namespace weir::app
