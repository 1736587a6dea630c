// Immutable once loaded, and pure functions. The access log: where it goes, and what a line of it says.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"

namespace weir::config {

enum class LogField : std::uint8_t {
  kTime,
  kClient,
  kPeer,
  kScheme,
  kMethod,
  kHost,
  kPath,
  kProtocol,
  kStatus,
  kClass,
  kReason,
  kService,
  kRoute,
  kVersion,
  kStep,
  kAssigned,
  kAttempts,
  kRescuedBy,
  kBytesIn,
  kBytesOut,
  kDuration,
  kHeaders,
  kLatency,
  kModel,  // that the request asks for, where its body is looked into
  // Of a model server's answer, where the route has `inspect`.
  kAnswer,
  kResponseModel,
  kFinishReason,
  kFirstOutput,
  kChunkGap,
  kTokensIn,
  kTokensOut,
  kTokensCached,
  kTokensReasoning,
  kCost,
  kRequestId,
  kTraceId,
  kApiKey,
  kUserAgent,
  kListener,
  kHeader,  // of the request, by its name
};

struct LogPart {
  std::string before;  // what stands in front of it
  LogField field = LogField::kTime;
  std::string name;    // as a plan writes it: "status", "header:accept"; a JSON line's key
  std::string header;  // kHeader, kUserAgent: the field's name
  // In a text, as parse_log_format() finds it:
  bool quoted = false;  // it stands between double quotes
  char delimiter = 0;   // what stands right behind it; 0: nothing does
};

struct LogFormat {
  bool json = true;
  std::vector<LogPart> parts;
  std::string after;  // what stands behind the last one

  // Of a line, and what each of them may bring to it.
  static constexpr std::size_t kMostParts = 64;
};

struct AccessLog {
  std::string path;  // "-": standard output
  LogFormat format;
  std::vector<std::string> redact;  // lower case: more names whose values are secrets
  std::uint32_t sample_ppm = kMillion;
};

struct FormatError {
  std::string what;
  std::string expected;
  std::string nearest;
};

// One JSON object a line: every field, and these headers of the request.
LogFormat json_log_format(const std::vector<std::string>& headers);
// Text with fields in it, such as `%method% %path%`; %% is a percent sign.
std::variant<LogFormat, FormatError> parse_log_format(std::string_view text);
// The text that parse_log_format() reads as this one; "json" for a JSON line's, whatever headers it has.
std::string format_log_format(const LogFormat& format);
// "time, client, …, header:NAME".
std::string log_field_names();

}  // namespace weir::config
