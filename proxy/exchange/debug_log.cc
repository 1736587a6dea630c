#include "proxy/exchange/debug_log.h"

#include <array>
#include <string>

namespace weir::proxy {
namespace {

std::string_view name_of(const Route* route) { return route == nullptr ? std::string_view() : route->name; }

// None was chosen for a request that waited in vain for a connection to be free.
std::string endpoint_of(const RequestContext& context, const DebugLog::Attempt& attempt) {
  const bool chosen = attempt.stream != nullptr || attempt.error->kind == ErrorKind::kConnect ||
                      attempt.error->kind == ErrorKind::kNoResources;
  return chosen ? context.answering->group->name_of(context.endpoint.used) : std::string();
}

std::string_view connection_of(const DebugLog::Attempt& attempt) {
  if (attempt.stream == nullptr) return "none";
  return attempt.stream->reused() ? "reused" : "new";
}

std::string_view result_of(const DebugLog::Attempt& attempt) {
  if (attempt.cut) return "cut";
  return attempt.error == nullptr ? "ok" : attempt.error->context;
}

std::string_view what_follows(const DebugLog::Attempt& attempt) {
  static constexpr std::array<std::string_view, 4> kWords = {"end", "fresh_connection", "retry", "rescue"};
  const bool ended = attempt.cut || attempt.error == nullptr;
  return kWords[ended ? 0 : static_cast<std::size_t>(attempt.then)];
}

}  // namespace

void DebugLog::attempt(const RequestContext& context, const Attempt& attempt) {
  const std::string endpoint = endpoint_of(context, attempt);
  lines_.push(log::line_of(log::Level::kDebug, "request_attempt",
                           {{"request_id", context.request_id},
                            {"route", name_of(context.route)},
                            {"service", context.service->name},
                            {"version", context.version->name},
                            {"assigned", to_string(context.assignment.reason)},
                            {"step", context.assignment.step},
                            {"attempt", context.attempts},
                            {"asked", context.answering->name},
                            {"endpoint", endpoint},
                            {"connection", connection_of(attempt)},
                            {"result", result_of(attempt)},
                            {"status", attempt.status},
                            {"then", what_follows(attempt)}}));
}

void DebugLog::answered(const RequestContext& context) {
  lines_.push(log::line_of(log::Level::kDebug, "request_answered",
                           {{"request_id", context.request_id},
                            {"route", name_of(context.route)},
                            {"status", context.status},
                            {"reason", context.reason}}));
}

}  // namespace weir::proxy
