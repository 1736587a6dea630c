#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>

#include "base/json.h"
#include "base/patient_write.h"

namespace weir::log {
namespace {

constexpr std::array<std::string_view, 5> kLevels = {"debug", "info", "warn", "error", "off"};

std::atomic<Level> threshold{Level::kInfo};
std::atomic<Format> shape{Format::kAuto};

// Standard error, for whose reader nobody waits for long: it may be a pipe that is read no more, and what a weir has to
// decide does not depend on who reads of it. Lines that it does not take are dropped and counted, and the count is
// written as soon as it reads again.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  // For a reader that is merely slow. Once it has not read in this time, not at all.
  static constexpr std::chrono::milliseconds kPatience{50};

  void sink_it_(const spdlog::details::log_msg& message) override {
    const SteadyTime deadline =
        std::chrono::steady_clock::now() + (stalled_ ? std::chrono::milliseconds(0) : kPatience);
    if (!tell_dropped(deadline)) return drop({message.payload.data(), message.payload.size()});
    const std::string_view lines{message.payload.data(), message.payload.size()};
    const Written written = write_until(STDERR_FILENO, lines, deadline);
    if (written.bytes < lines.size()) {
      torn_ = written.bytes > 0 && lines[written.bytes - 1] != '\n';
      drop(lines.substr(written.bytes));
    }
  }
  void flush_() override {}

  // What was dropped since it was last told. False: the reader does not take that either.
  bool tell_dropped(SteadyTime deadline) {
    if (untold_ == 0) return true;
    std::string line = torn_ ? "\n" : "";
    line += line_of(Level::kWarn, "log_lines_dropped", {{"count", untold_}});
    const Written written = write_until(STDERR_FILENO, line, deadline);
    torn_ = written.bytes > 0 ? written.bytes < line.size() : torn_;
    if (written.bytes < line.size()) return false;
    untold_ = 0;
    stalled_ = false;
    return true;
  }

  void drop(std::string_view lines) {
    stalled_ = true;
    const auto count = static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
    untold_ += count;
    dropped_.fetch_add(count, std::memory_order_relaxed);
  }

  // With the sink's mutex:
  bool stalled_ = false;
  bool torn_ = false;  // the last line that was written has no end
  std::uint64_t untold_ = 0;
  std::atomic<std::uint64_t> dropped_{0};
};

// Never destroyed, and neither is the logger: the last lines of a process are written while statics die.
const std::shared_ptr<StderrSink>& stderr_sink() {
  static const auto& kSink = *new std::shared_ptr<StderrSink>(std::make_shared<StderrSink>());
  return kSink;
}

spdlog::logger& stderr_logger() {
  static spdlog::logger* const kLogger = [] {
    auto* logger = new spdlog::logger("weir", stderr_sink());
    logger->set_level(spdlog::level::trace);
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

std::uint64_t lines_dropped() { return stderr_sink()->dropped(); }

void write_lines(std::string_view lines) {
  stderr_logger().log(spdlog::level::info, spdlog::string_view_t(lines.data(), lines.size()));
}

}  // namespace weir::log
