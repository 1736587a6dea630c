// Immutable values and pure functions. The admin API's words, and its routes.
//
//   GET  /api/v1/status                      how everything stands
//   GET  /api/v1/traffic                     how much each version gets, and what it has been like lately
//   GET  /api/v1/config                      the plan in force, with defaults filled in and without secrets
//   GET  /api/v1/history?service=&limit=     decisions and commands, newest first
//   POST /api/v1/services/<service>/promote[?full=true] | pause | resume | abort | retry | undo
//   POST /api/v1/services/<service>/weight   {"percent": 25}
//   POST /api/v1/log-level                   {"level": "debug"}
//   POST /v1/feedback                        what was thought of answers (app/feedback/posted.h)
//   POST /api/v1/reload, /api/v1/drain
//   GET  /metrics, /healthz, /readyz
//
// What can be got can be asked for by HEAD. A percentage is a multiple of 0.0001.
// Answers are JSON; what is refused is {"error": {"code": "...", "message": "..."}}.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/feedback/posted.h"
#include "base/log.h"

namespace weir::app {

inline constexpr std::string_view kFeedbackPath = "/v1/feedback";

enum class ApiVerb : std::uint8_t {
  kPromote,
  kPromoteFull,
  kPause,
  kResume,
  kAbort,
  kRetry,
  kUndo,
  kWeight,
  kReload,
  kDrain,
  kLogLevel,
  kFeedback,
};

std::string_view to_string(ApiVerb verb);  // "promote"; kPromoteFull: "promote --full"

// What only the control thread may do.
struct ApiCommand {
  ApiVerb verb = ApiVerb::kPause;
  std::string service = {};      // empty where it is about none
  std::uint32_t weight_ppm = 0;  // kWeight
  log::Level log_level = log::Level::kInfo;
  std::shared_ptr<const Post> scores = {};  // kFeedback
  std::string actor = {};
};

struct ApiReply {
  int status = 200;
  std::string body;
  std::string_view content_type = "application/json";  // of static storage
  std::string_view allow = {};                         // the methods of a 405 (RFC 9110 15.5.6); likewise
};

struct ApiQuery {
  enum class Kind : std::uint8_t { kStatus, kTraffic, kConfig, kHistory, kMetrics, kHealth, kReady };
  Kind kind = Kind::kStatus;
  std::string service;  // kHistory; empty: all
  std::uint32_t limit = 50;
};

struct ApiRequest {
  std::string_view method;
  std::string_view target;
  std::string_view body;
};

// A command or a query; else the reply that says what is wrong with the request.
std::variant<ApiQuery, ApiCommand, ApiReply> route_api(const ApiRequest& request);

struct ApiError {
  int status = 400;
  std::string_view code;
  std::string message;
  std::vector<std::string> problems;  // each on a line of its own, where there is more than one
};
ApiReply error_reply(const ApiError& error);
ApiReply not_found_reply();
ApiReply message_reply(std::string_view message);  // 200, {"message": "..."}

}  // namespace weir::app
