// Thread-safe. Structured logs, one line an event: `key=value` words for people, JSON for programs. Nothing on the
// request path logs; the access log is another matter.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace weir::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError, kOff };
enum class Format : std::uint8_t { kAuto, kText, kJson };  // kAuto: text on a terminal, else JSON

// Unset for a word that is none of debug, info, warn, error, off; likewise auto, text, json.
bool parse_level(std::string_view word, Level& level);
std::string_view to_string(Level level);
bool parse_format(std::string_view word, Format& format);

// One named value of an event. Views must outlive the call that they are given to.
struct Field {
  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, const std::string& text) : key(name), value(std::string_view(text)) {}
  Field(std::string_view name, bool flag) : key(name), value(flag) {}
  Field(std::string_view name, double number) : key(name), value(number) {}
  template <std::signed_integral T>
  Field(std::string_view name, T number) : key(name), value(static_cast<std::int64_t>(number)) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view name, T number)
      : key(name), value(static_cast<std::uint64_t>(number)) {}

  std::string_view key;
  std::variant<std::string_view, bool, double, std::int64_t, std::uint64_t> value;
};
using Fields = std::initializer_list<Field>;

struct Line {
  Level level = Level::kInfo;
  std::string_view time;   // as in iso_time()
  std::string_view event;  // a stable snake_case word
};

// Pure: without the line feed. Control bytes never reach the terminal or break a line.
std::string render(const Line& line, Fields fields, Format format);
// "2026-11-23T10:15:30.123Z", from milliseconds since 1970.
std::string iso_time(std::int64_t unix_ms);

struct Options {
  Level level = Level::kInfo;
  Format format = Format::kAuto;
};

// To standard error, at once; where that is read no more, lines are dropped and counted after a moment. Before setup()
// the defaults hold.
void setup(const Options& options);
// From the next line on. The level before.
Level set_level(Level level);
// Whether a line of this level is written now. Wait-free.
bool enabled(Level level);
void write(Level level, std::string_view event, Fields fields);
// For a thread that must not wait for standard error: what write() would write, with its line feed, whatever the level;
// another thread hands such lines on.
std::string line_of(Level level, std::string_view event, Fields fields);
void write_lines(std::string_view lines);
// Lines that standard error did not take, since the start.
std::uint64_t lines_dropped();
inline void debug(std::string_view event, Fields fields = {}) { write(Level::kDebug, event, fields); }
inline void info(std::string_view event, Fields fields = {}) { write(Level::kInfo, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::kWarn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::kError, event, fields); }

}  // namespace weir::log
