#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>

#include "base/json.h"

namespace weir::log {
namespace {

constexpr std::array<std::string_view, 5> kLevels = {"debug", "info", "warn", "error", "off"};

std::atomic<Level> threshold{Level::kInfo};
std::atomic<Format> shape{Format::kAuto};

// Never destroyed: the last lines of a process are written while statics die.
spdlog::logger& stderr_logger() {
  static spdlog::logger* const kLogger = [] {
    auto* logger = new spdlog::logger("weir", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, ""));
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
    return logger;
  }();
  return *kLogger;
}

Format resolved(Format format) {
  if (format != Format::kAuto) return format;
  static const bool kTerminal = ::isatty(STDERR_FILENO) == 1;
  return kTerminal ? Format::kText : Format::kJson;
}

json::Value to_json(const Field& field) {
  return std::visit([](const auto& value) { return json::Value(value); }, field.value);
}

bool bare_word(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

std::string render_text(const Line& line, Fields fields) {
  std::string out(line.time);
  out += ' ';
  out += kLevels[static_cast<std::size_t>(line.level)];
  out += ' ';
  out += line.event;
  for (const Field& field : fields) {
    out += ' ';
    out += field.key;
    out += '=';
    const auto* text = std::get_if<std::string_view>(&field.value);
    out += text != nullptr && bare_word(*text) ? std::string(*text) : json::write(to_json(field));
  }
  return out;
}

std::string render_json(const Line& line, Fields fields) {
  json::Object object{
      {"time", line.time}, {"level", kLevels[static_cast<std::size_t>(line.level)]}, {"event", line.event}};
  for (const Field& field : fields) object.set(field.key, to_json(field));
  return json::write(object);
}

}  // namespace

bool parse_level(std::string_view word, Level& level) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (word == kLevels[i]) {
      level = static_cast<Level>(i);
      return true;
    }
  }
  return false;
}

std::string_view to_string(Level level) { return kLevels[static_cast<std::size_t>(level)]; }

bool parse_format(std::string_view word, Format& format) {
  if (word == "auto")
    format = Format::kAuto;
  else if (word == "text")
    format = Format::kText;
  else if (word == "json")
    format = Format::kJson;
  else
    return false;
  return true;
}

std::string iso_time(std::int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> date{};
  const std::size_t size = std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(unix_ms % 1000));
  return std::string(date.data(), size) + fraction.data();
}

std::string render(const Line& line, Fields fields, Format format) {
  return format == Format::kJson ? render_json(line, fields) : render_text(line, fields);
}

void setup(const Options& options) {
  threshold.store(options.level, std::memory_order_relaxed);
  shape.store(options.format, std::memory_order_relaxed);
}

Level set_level(Level level) { return threshold.exchange(level, std::memory_order_relaxed); }

bool enabled(Level level) { return level >= threshold.load(std::memory_order_relaxed); }

void write(Level level, std::string_view event, Fields fields) {
  if (enabled(level)) write_lines(line_of(level, event, fields));
}

std::string line_of(Level level, std::string_view event, Fields fields) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  const std::string time =
      iso_time(duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  const Format format = resolved(shape.load(std::memory_order_relaxed));
  return render({.level = level, .time = time, .event = event}, fields, format) + '\n';
}

void write_lines(std::string_view lines) {
  stderr_logger().log(spdlog::level::info, spdlog::string_view_t(lines.data(), lines.size()));
}

}  // namespace weir::log
