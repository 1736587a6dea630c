#include "config/access_log.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace weir::config {
namespace {

struct Named {
  std::string_view name;
  LogField field;
};

constexpr std::string_view kHeaderPrefix = "header:";

// In the order of a JSON line.
constexpr std::array kFields = {
    Named{"time", LogField::kTime},
    Named{"client", LogField::kClient},
    Named{"peer", LogField::kPeer},
    Named{"listener", LogField::kListener},
    Named{"scheme", LogField::kScheme},
    Named{"method", LogField::kMethod},
    Named{"host", LogField::kHost},
    Named{"path", LogField::kPath},
    Named{"protocol", LogField::kProtocol},
    Named{"status", LogField::kStatus},
    Named{"class", LogField::kClass},
    Named{"reason", LogField::kReason},
    Named{"service", LogField::kService},
    Named{"route", LogField::kRoute},
    Named{"version", LogField::kVersion},
    Named{"step", LogField::kStep},
    Named{"assigned", LogField::kAssigned},
    Named{"attempts", LogField::kAttempts},
    Named{"rescued_by", LogField::kRescuedBy},
    Named{"bytes_in", LogField::kBytesIn},
    Named{"bytes_out", LogField::kBytesOut},
    Named{"duration_ms", LogField::kDuration},
    Named{"headers_ms", LogField::kHeaders},
    Named{"latency_ms", LogField::kLatency},
    Named{"model", LogField::kModel},
    Named{"answer", LogField::kAnswer},
    Named{"response_model", LogField::kResponseModel},
    Named{"finish_reason", LogField::kFinishReason},
    Named{"first_output_ms", LogField::kFirstOutput},
    Named{"chunk_gap_ms", LogField::kChunkGap},
    Named{"tokens_in", LogField::kTokensIn},
    Named{"tokens_out", LogField::kTokensOut},
    Named{"tokens_cached", LogField::kTokensCached},
    Named{"tokens_reasoning", LogField::kTokensReasoning},
    Named{"cost", LogField::kCost},
    Named{"request_id", LogField::kRequestId},
    Named{"trace_id", LogField::kTraceId},
    Named{"api_key", LogField::kApiKey},
    Named{"user_agent", LogField::kUserAgent},
};

LogPart header_part(std::string_view header) {
  const std::string name = lower_case(header);
  return {.before = {}, .field = LogField::kHeader, .name = std::string(kHeaderPrefix) + name, .header = name};
}

LogPart part_of(const Named& named) {
  const bool agent = named.field == LogField::kUserAgent;
  return {.before = {}, .field = named.field, .name = std::string(named.name), .header = agent ? "user-agent" : ""};
}

// RFC 9110 5.6.2.
bool is_field_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return is_visible(c) && std::string_view("\"(),/:;<=>?@[\\]{}%").find(c) == std::string_view::npos;
  });
}

std::variant<LogPart, FormatError> parse_part(std::string_view name) {
  if (name.starts_with(kHeaderPrefix)) {
    const std::string_view header = name.substr(kHeaderPrefix.size());
    if (is_field_name(header)) return header_part(header);
    return FormatError{"\"" + std::string(header) + "\" is no header's name", "such as %header:referer%", {}};
  }
  std::vector<std::string_view> known;
  for (const Named& named : kFields) {
    if (named.name == name) return part_of(named);
    known.push_back(named.name);
  }
  return FormatError{"there is no field \"" + std::string(name) + "\"", "one of " + log_field_names(),
                     std::string(nearest_word(known, name))};
}

// What stands around each part, by which a value is kept from ending it.
void look_around(LogFormat& format) {
  bool quoted = false;
  for (std::size_t i = 0; i < format.parts.size(); ++i) {
    LogPart& part = format.parts[i];
    if (std::count(part.before.begin(), part.before.end(), '"') % 2 != 0) quoted = !quoted;
    part.quoted = quoted;
    const std::string& behind = i + 1 < format.parts.size() ? format.parts[i + 1].before : format.after;
    if (!behind.empty()) part.delimiter = behind.front();
  }
}

}  // namespace

LogFormat json_log_format(const std::vector<std::string>& headers) {
  LogFormat format;
  for (const Named& named : kFields) format.parts.push_back(part_of(named));
  for (const std::string& header : headers) format.parts.push_back(header_part(header));
  return format;
}

std::variant<LogFormat, FormatError> parse_log_format(std::string_view text) {
  LogFormat format{.json = false, .parts = {}, .after = {}};
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find('%'), text.size());
    format.after += text.substr(0, begin);
    text.remove_prefix(begin);
    if (text.empty()) break;
    const std::size_t end = text.find('%', 1);
    if (end == std::string_view::npos) {
      return FormatError{"a % that no other one follows", "a field such as %status%, or %% for a percent sign", {}};
    }
    const std::string_view name = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (name.empty()) {
      format.after += '%';
      continue;
    }
    std::variant<LogPart, FormatError> part = parse_part(name);
    if (auto* const error = std::get_if<FormatError>(&part)) return std::move(*error);
    format.parts.push_back(std::move(std::get<LogPart>(part)));
    format.parts.back().before = std::exchange(format.after, {});
  }
  if (format.parts.empty()) return FormatError{"no field in it", "json, or text with fields such as %status%", {}};
  if (format.parts.size() > LogFormat::kMostParts) {
    return FormatError{"too many fields", "at most " + std::to_string(LogFormat::kMostParts), {}};
  }
  look_around(format);
  return format;
}

std::string format_log_format(const LogFormat& format) {
  if (format.json) return "json";
  std::string text;
  const auto append = [&](std::string_view literal) {
    for (const char c : literal) text += c == '%' ? std::string("%%") : std::string(1, c);
  };
  for (const LogPart& part : format.parts) {
    append(part.before);
    text += '%' + part.name + '%';
  }
  append(format.after);
  return text;
}

std::string log_field_names() {
  std::string names;
  for (const Named& named : kFields) names += std::string(named.name) + ", ";
  return names + "header:NAME";
}

}  // namespace weir::config
