#include "app/access_line.h"

#include "app/metrics/request_metrics.h"
#include "base/json.h"
#include "base/log.h"

namespace weir::app {

std::string access_line(const Outcome& outcome, const Names& names, std::int64_t unix_ms) {
  const std::string& service = names.services.name(outcome.service);
  json::Object line{{"time", log::iso_time(unix_ms)},
                    {"service", service},
                    {"route", names.routes.name(outcome.route)},
                    {"version", version_label(service, names.versions.name(outcome.version))},
                    {"class", to_string(outcome.outcome)},
                    {"assigned", to_string(outcome.reason)},
                    {"latency_ms", static_cast<double>(outcome.latency_us) / 1000}};
  if (outcome.status_hundreds != 0) line.set("status", std::to_string(outcome.status_hundreds) + "xx");
  line.set("bytes_out", outcome.bytes_out).set("attempts", outcome.attempts);
  if (outcome.step != 0) line.set("step", outcome.step);
  return json::write(line);
}

}  // namespace weir::app
