#include "proxy/exchange/own_replies.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "proxy/route/action.h"

namespace weir::proxy {
namespace {

constexpr std::uint64_t kMostDropped = 64 * 1024;  // bytes of a request's body

// How long a client keeps its place in the split by cookie: 90 days.
constexpr int kCookieMaxAge_s = 90 * 24 * 3600;

// What a plan may call its cookie, and what else stands in a Set-Cookie of ours.
constexpr std::size_t kLongestCookieName = 64;
constexpr std::size_t kCookieAttributes = sizeof "=; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure" + 32;

// The baseline's failure is nobody's mark: the request was the candidate's.
constexpr http::LocalReply kBothFailed{503, "rescue_failed", "neither the candidate nor the baseline could answer",
                                       false, std::nullopt};

}  // namespace

http::LocalReply failure_reply(const Error& error, bool rescued) {
  if (error.side != Side::kDownstream) return rescued ? kBothFailed : http::failure(error);
  http::LocalReply reply;
  reply.close = true;
  reply.code = error.context;
  if (error.kind == ErrorKind::kTimeout) {
    reply.status = 408;
    reply.reason = "the request's body did not arrive in time";
  } else if (error.kind == ErrorKind::kTooLarge) {
    reply.status = 413;
    reply.reason = "the request's body is larger than this route allows";
  } else {
    reply.status = 400;
    reply.reason = "the request's body is malformed";
  }
  return reply;
}

http::LocalReply unread_reply(const Error& error) {
  return error.kind == ErrorKind::kNoResources ? http::overloaded() : failure_reply(error, false);
}

bool cheap_to_drop(const http::RequestHead& request) {
  const bool is_short = request.framing == http::BodyFraming::kLength && request.content_length <= kMostDropped;
  return is_short && !request.expect_continue;
}

http::LocalReply route_reply(const Route& route, const Asked& asked, std::string& location) {
  http::LocalReply reply;
  if (route.redirect) {
    location = redirect_location(
        *route.redirect, route.match.path_prefix.value_or(""),
        {.reached = asked.reached, .path = asked.path, .query = asked.head.query, .has_query = asked.head.has_query});
    reply.status = static_cast<int>(route.redirect->status);
    reply.content = "";
  } else {
    reply.status = static_cast<int>(route.respond->status);
    reply.content = route.respond->body;
    reply.content_type = route.respond->content_type;
  }
  return reply;
}

std::string_view SetCookie::write(std::string_view name, const DrawnId& id, bool secure) {
  static_assert(sizeof text_ >= kCookieAttributes + kLongestCookieName);
  const int size = std::snprintf(text_.data(), text_.size(), "%.*s=%.*s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                                 static_cast<int>(name.size()), name.data(), static_cast<int>(id.size()), id.data(),
                                 kCookieMaxAge_s, secure ? "; Secure" : "");
  const bool whole = size > 0 && static_cast<std::size_t>(size) < text_.size();
  return whole ? std::string_view(text_.data(), static_cast<std::size_t>(size)) : std::string_view();
}

}  // namespace weir::proxy
