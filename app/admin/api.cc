#include "app/admin/api.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "base/json.h"
#include "base/percent.h"

namespace weir::app {
namespace {

constexpr std::uint32_t kHistoryLimit = 1000;
constexpr std::string_view kApi = "/api/v1/";
constexpr std::string_view kServices = "/api/v1/services/";

using Routed = std::variant<ApiQuery, ApiCommand, ApiReply>;

// Nothing for a broken escape.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::optional<char> escaped = escaped_octet(text);
    if (!escaped && text.front() == '%') return {};
    out += escaped.value_or(text.front());
    text.remove_prefix(escaped ? kEscapeSize : 1);
  }
  return out;
}

// The value of a query's parameter as it stands; "" when it has none.
std::string_view parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) return pair.substr(name.size() + 1);
  }
  return {};
}

ApiReply bad_request(std::string message) {
  return error_reply({.status = 400, .code = "bad_request", .message = std::move(message), .problems = {}});
}
// `allowed` is of static storage.
ApiReply wrong_method(std::string_view allowed) {
  ApiReply reply = error_reply({.status = 405,
                                .code = "method_not_allowed",
                                .message = "this path takes " + std::string(allowed) + " only",
                                .problems = {}});
  reply.allow = allowed;
  return reply;
}

Routed route_history(std::string_view query) {
  ApiQuery out{.kind = ApiQuery::Kind::kHistory, .service = {}, .limit = 50};
  const std::optional<std::string> service = decoded(parameter(query, "service"));
  if (!service) return bad_request("service is not percent-encoded properly");
  out.service = *service;
  const std::string_view limit = parameter(query, "limit");
  if (!limit.empty()) {
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), out.limit);
    const bool whole = error == std::errc() && end == limit.data() + limit.size();
    if (!whole || out.limit == 0 || out.limit > kHistoryLimit) {
      return bad_request("limit must be 1 to " + std::to_string(kHistoryLimit));
    }
  }
  return out;
}

std::optional<ApiQuery> simple_query(std::string_view path) {
  constexpr std::array<std::pair<std::string_view, ApiQuery::Kind>, 6> kPaths = {{
      {"/api/v1/status", ApiQuery::Kind::kStatus},
      {"/api/v1/traffic", ApiQuery::Kind::kTraffic},
      {"/api/v1/config", ApiQuery::Kind::kConfig},
      {"/metrics", ApiQuery::Kind::kMetrics},
      {"/healthz", ApiQuery::Kind::kHealth},
      {"/readyz", ApiQuery::Kind::kReady},
  }};
  for (const auto& [name, kind] : kPaths) {
    if (path == name) return ApiQuery{.kind = kind, .service = {}, .limit = 0};
  }
  return {};
}

constexpr std::array<std::pair<std::string_view, ApiVerb>, 7> kRolloutVerbs = {{
    {"promote", ApiVerb::kPromote},
    {"pause", ApiVerb::kPause},
    {"resume", ApiVerb::kResume},
    {"abort", ApiVerb::kAbort},
    {"retry", ApiVerb::kRetry},
    {"undo", ApiVerb::kUndo},
    {"weight", ApiVerb::kWeight},
}};

std::optional<ApiVerb> verb_of(std::string_view word, std::string_view query) {
  for (const auto& [name, verb] : kRolloutVerbs) {
    if (word != name) continue;
    return verb == ApiVerb::kPromote && parameter(query, "full") == "true" ? ApiVerb::kPromoteFull : verb;
  }
  return {};
}

// Nothing for what is no whole number of millionths: half of one would be another weight than the one that was asked
// for.
std::optional<std::uint32_t> ppm_of_percent(double percent) {
  if (!(percent >= 0 && percent <= 100)) return {};
  const double ppm = percent * (kMillion / 100.0);
  constexpr double kNoise = 1e-6;  // of a decimal fraction in binary
  if (std::abs(ppm - std::round(ppm)) > kNoise) return {};
  return static_cast<std::uint32_t>(std::llround(ppm));
}

Routed route_command(std::string_view rest, std::string_view query, std::string_view body) {
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return not_found_reply();
  const std::optional<std::string> service = decoded(rest.substr(0, slash));
  const std::optional<ApiVerb> verb = verb_of(rest.substr(slash + 1), query);
  if (!verb || !service || service->empty()) return not_found_reply();
  ApiCommand command{.verb = *verb, .service = *service};
  if (*verb == ApiVerb::kWeight) {
    const json::ParseResult parsed = json::parse(body);
    const json::Value& percent = parsed.value["percent"];
    const std::optional<std::uint32_t> ppm = percent.is_number() ? ppm_of_percent(percent.number()) : std::nullopt;
    if (!ppm) return bad_request("expected {\"percent\": P} with P from 0 to 100, in steps of 0.0001");
    command.weight_ppm = *ppm;
  }
  return command;
}

// What is about the process and no service.
constexpr std::array<std::pair<std::string_view, ApiVerb>, 3> kProcessVerbs = {{
    {"reload", ApiVerb::kReload},
    {"drain", ApiVerb::kDrain},
    {"log-level", ApiVerb::kLogLevel},
}};

std::optional<ApiVerb> process_verb(std::string_view path) {
  if (!path.starts_with(kApi)) return {};
  for (const auto& [name, verb] : kProcessVerbs) {
    if (path.substr(kApi.size()) == name) return verb;
  }
  return {};
}

Routed process_command(ApiVerb verb, std::string_view body) {
  ApiCommand command{.verb = verb};
  if (verb == ApiVerb::kLogLevel && !log::parse_level(json::parse(body).value["level"].string(), command.log_level))
    return bad_request("expected {\"level\": L} with L one of debug, info, warn, error, off");
  return command;
}

Routed route_feedback(std::string_view body) {
  std::variant<Post, std::string> post = read_post(body);
  if (auto* wrong = std::get_if<std::string>(&post)) return bad_request(std::move(*wrong));
  ApiCommand command{.verb = ApiVerb::kFeedback};
  command.scores = std::make_shared<const Post>(std::get<Post>(std::move(post)));
  return command;
}

}  // namespace

std::string_view to_string(ApiVerb verb) {
  if (verb == ApiVerb::kFeedback) return "feedback";
  for (const auto& [name, known] : kRolloutVerbs) {
    if (known == verb) return name;
  }
  for (const auto& [name, known] : kProcessVerbs) {
    if (known == verb) return name;
  }
  return "promote --full";
}

Routed route_api(const ApiRequest& request) {
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  const std::string_view query = path.size() == request.target.size() ? "" : request.target.substr(path.size() + 1);
  const bool history = path == "/api/v1/history";
  const std::optional<ApiQuery> simple = simple_query(path);
  if (history || simple) {
    if (request.method != "GET" && request.method != "HEAD") return wrong_method("GET, HEAD");
    return history ? route_history(query) : Routed(*simple);
  }
  const bool feedback = path == kFeedbackPath;
  const std::optional<ApiVerb> process = process_verb(path);
  if (!process && !feedback && !path.starts_with(kServices)) return not_found_reply();
  if (request.method != "POST") return wrong_method("POST");
  if (feedback) return route_feedback(request.body);
  if (process) return process_command(*process, request.body);
  return route_command(path.substr(kServices.size()), query, request.body);
}

ApiReply error_reply(const ApiError& error) {
  json::Object inner{{"code", error.code}, {"message", error.message}};
  if (!error.problems.empty()) {
    json::Array problems(error.problems.begin(), error.problems.end());
    inner.set("problems", std::move(problems));
  }
  return {.status = error.status, .body = json::write(json::Object{{"error", std::move(inner)}})};
}

ApiReply not_found_reply() {
  return error_reply({.status = 404, .code = "not_found", .message = "there is no such path", .problems = {}});
}

ApiReply message_reply(std::string_view message) {
  return {.status = 200, .body = json::write(json::Object{{"message", message}})};
}

}  // namespace weir::app
