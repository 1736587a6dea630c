#include "app/cli/client_commands.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include "app/cli/history_view.h"
#include "app/cli/view.h"
#include "base/json.h"
#include "base/percent.h"

namespace weir::app {
namespace {

constexpr std::chrono::seconds kWatchPeriod{1};
constexpr std::string_view kClear = "\x1b[H\x1b[J";  // to the top left, and empty from there on
constexpr json::ParseLimits kReplyLimits{.bytes = 16 * 1024 * 1024, .depth = 32};

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::string_view word(Verb verb) {
  switch (verb) {
    case Verb::kPromote:
      return "promote";
    case Verb::kPause:
      return "pause";
    case Verb::kResume:
      return "resume";
    case Verb::kAbort:
      return "abort";
    case Verb::kRetry:
      return "retry";
    case Verb::kUndo:
      return "undo";
    case Verb::kWeight:
      return "weight";
    default:
      return {};
  }
}

std::string encoded(std::string_view segment) {
  std::string out;
  for (const char c : segment) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool plain = letter || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (plain) {
      out += c;
    } else {
      const auto escape = escape_of(c);
      out.append(escape.data(), escape.size());
    }
  }
  return out;
}

}  // namespace

CommandCall command_call(const Invocation& invocation) {
  if (invocation.verb == Verb::kReload) return {.target = "/api/v1/reload", .body = {}};
  if (invocation.verb == Verb::kDrain) return {.target = "/api/v1/drain", .body = {}};
  if (invocation.verb == Verb::kLogLevel)
    return {.target = "/api/v1/log-level", .body = json::write(json::Object{{"level", invocation.level}})};
  const std::string_view verb = word(invocation.verb);
  if (verb.empty()) return {};
  CommandCall call;
  call.target = "/api/v1/services/" + encoded(invocation.service) + "/" + std::string(verb);
  if (invocation.full) call.target += "?full=true";
  if (invocation.verb == Verb::kWeight)
    call.body = json::write(json::Object{{"percent", invocation.weight_ppm / 10'000.0}});
  return call;
}

int ClientCommands::execute(const Invocation& invocation) const {
  switch (invocation.verb) {
    case Verb::kStatus:
      return status(invocation);
    case Verb::kWatch:
      return watch(invocation);
    case Verb::kHistory:
      return history(invocation);
    case Verb::kHealth:
      return health();
    default:
      return command(invocation);
  }
}

int ClientCommands::failed(const AdminReply& reply) const {
  if (reply.status == 0) {
    print_error(terminal_, "no weir answers at " + client_.url() + ": " + reply.error,
                "Start one with `weir run`, or name another with --admin URL, WEIR_ADMIN or --config FILE.");
    return kExitUnreachable;
  }
  const json::ParseResult body = json::parse(reply.body, kReplyLimits);
  const std::string message = printable(body.value["error"]["message"].string());
  std::string_view advice;
  if (reply.status == 401) advice = "Give its token with --token-file FILE or WEIR_TOKEN.";
  print_error(terminal_, message.empty() ? "the weir answered " + std::to_string(reply.status) : message, advice);
  for (const json::Value& problem : body.value["error"]["problems"].array()) {
    std::fprintf(stderr, "  %s\n", printable(problem.string()).c_str());
  }
  return kExitFailed;
}

int ClientCommands::status(const Invocation& invocation) const {
  const AdminReply reply = client_.get("/api/v1/status");
  if (!reply.ok()) return failed(reply);
  json::Value document = json::parse(reply.body, kReplyLimits).value;
  if (!invocation.service.empty()) {
    json::Object narrowed = document.object();
    json::Array named;
    for (const json::Value& service : document["services"].array()) {
      if (service["name"].string() == invocation.service) named.push_back(service);
    }
    if (named.empty()) {
      print_error(terminal_,
                  "the weir at " + client_.url() + " has no service \"" + printable(invocation.service) + "\"",
                  "`weir status` without one names all that it has.");
      return kExitFailed;
    }
    document = narrowed.set("services", std::move(named));
  }
  if (invocation.format == "json")
    print(json::write_pretty(document));
  else
    print(render_frame(document, {.colour = terminal_.out_colour, .where = client_.url()}));
  return kExitOk;
}

int ClientCommands::watch(const Invocation& invocation) const {
  const bool redraw = terminal_.out_is_terminal && !invocation.frames_only;
  const ViewOptions options{.colour = terminal_.out_colour, .where = client_.url()};
  std::string last;
  for (bool first = true;; first = false) {
    const AdminReply reply = client_.get("/api/v1/status");
    if (!reply.ok() && (first || !redraw)) return failed(reply);
    if (redraw) {
      std::string frame(kClear);
      if (reply.ok())
        frame += render_frame(json::parse(reply.body, kReplyLimits).value, options);
      else
        frame += "No weir answers at " + client_.url() + ": " + reply.error + "\nStill trying; Ctrl-C leaves.\n";
      print(frame);
    } else {
      const json::Value document = json::parse(reply.body, kReplyLimits).value;
      const std::string key = change_key(document);
      if (first || key != last) print((first ? "" : "\n") + render_frame(document, options));
      last = key;
    }
    std::this_thread::sleep_for(kWatchPeriod);
  }
}

int ClientCommands::history(const Invocation& invocation) const {
  std::string target = "/api/v1/history?limit=" + std::to_string(invocation.limit);
  if (!invocation.service.empty()) target += "&service=" + encoded(invocation.service);
  const AdminReply reply = client_.get(target);
  if (!reply.ok()) return failed(reply);
  const json::ParseResult body = json::parse(reply.body, kReplyLimits);
  const ViewOptions options{.colour = terminal_.out_colour, .where = {}};
  if (invocation.format == "json")
    print(json::write_pretty(body.value));
  else
    print(invocation.service.empty() ? render_history(body.value, options) : render_story(body.value, options));
  return kExitOk;
}

int ClientCommands::health() const {
  const AdminReply reply = client_.get("/healthz");
  return reply.ok() ? kExitOk : (failed(reply), kExitFailed);
}

int ClientCommands::command(const Invocation& invocation) const {
  const CommandCall call = command_call(invocation);
  const AdminReply reply = client_.post(call.target, call.body);
  if (!reply.ok()) return failed(reply);
  const json::ParseResult body = json::parse(reply.body, kReplyLimits);
  print(printable(body.value["message"].string()) + "\n");
  return kExitOk;
}

}  // namespace weir::app
