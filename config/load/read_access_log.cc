#include "base/text.h"
#include "config/load/read.h"
#include "config/load/values.h"
#include "config/scalar.h"

namespace weir::config {
namespace {

std::vector<std::string> read_names(const Node& node, std::string_view key) {
  std::vector<std::string> names;
  if (const Node* const list = node.find(key)) {
    for (const Node& element : list->list) names.push_back(lower_case(element.scalar));
  }
  return names;
}

// An RFC 9110 token: what else no request could have.
void check_headers(const Node& headers, Report& report) {
  static const Key kName{.kind = Kind::kCookieName};
  for (const Node& element : headers.list) {
    if (!fits(kName, element.scalar)) {
      report.error(element.position, "accessLog.headers: \"" + element.scalar + "\" is no header's name",
                   "such as referer");
    }
  }
}

}  // namespace

AccessLog read_access_log(const Node& node, Report& report) {
  AccessLog log;
  read(node, "path", log.path);
  log.redact = read_names(node, "redact");
  log.sample_ppm = percent_of(node, "sample").value_or(log.sample_ppm);
  const std::vector<std::string> headers = read_names(node, "headers");
  const std::string* const format = scalar(node, "format");
  if (const Node* const list = node.find("headers")) {
    check_headers(*list, report);
    if (format != nullptr && *format != "json") {
      report.error(list->position, "accessLog.headers goes with a json format alone", "%header:NAME% in the format");
    }
  }
  log.format = json_log_format(headers);
  if (log.format.parts.size() > LogFormat::kMostParts) {
    report.error(node.find("headers")->position, "accessLog.headers are too many",
                 "at most " + std::to_string(LogFormat::kMostParts - json_log_format({}).parts.size()));
  }
  if (format == nullptr || *format == "json") return log;
  std::variant<LogFormat, FormatError> parsed = parse_log_format(*format);
  if (const auto* const error = std::get_if<FormatError>(&parsed)) {
    report.error(node.find("format")->position, "accessLog.format: " + error->what, error->expected, error->nearest);
  } else {
    log.format = std::move(std::get<LogFormat>(parsed));
  }
  return log;
}

}  // namespace weir::config
