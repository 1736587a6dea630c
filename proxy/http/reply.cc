#include "proxy/http/reply.h"

#include <array>
#include <charconv>
#include <span>

namespace weir::http {

LocalReply refusal(Fault fault) {
  const FaultText& text = describe(fault);
  return {text.status, text.code, text.reason, true, std::nullopt};
}

LocalReply failure(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kConnect:
      return {503, error.context, "no endpoint of this version could be reached", false, std::nullopt};
    case ErrorKind::kUnavailable:
      return {503, error.context, "this version has no endpoint to send the request to", false, std::nullopt};
    case ErrorKind::kOverflow:
      return {503, error.context, "this version serves as many requests as it may", false, 1};
    case ErrorKind::kNoResources:
      return {503, error.context, "this proxy has no descriptor, memory or port left for a connection", true, 1};
    case ErrorKind::kTimeout:
      return {504, error.context, "the upstream server did not answer in time", false, std::nullopt};
    case ErrorKind::kCancelled:
      return {503, error.context, "this proxy is shutting down", true, 1};
    case ErrorKind::kProtocol:
    case ErrorKind::kTooLarge:
      return {502, error.context, "the upstream server's response is not valid", false, std::nullopt};
    case ErrorKind::kReset:
    case ErrorKind::kEof:
    case ErrorKind::kTruncated:
      return {502, error.context, "the upstream server's connection broke before the end of its response", false, {}};
    case ErrorKind::kStatus:
      return {502, error.context, "the upstream server's answer began with an error", false, std::nullopt};
    case ErrorKind::kInternal:
      break;
  }
  return {500, "internal", "an error inside the proxy", true, std::nullopt};
}

LocalReply overloaded() {
  return {.status = 503,
          .code = "overloaded",
          .reason = "this proxy has no memory left for more requests",
          .close = true,
          .retry_after_s = 1,
          .overload = true};
}

namespace {

void add_retry_after(const LocalReply& reply, std::span<char, 12> digits, Edits& edits) {
  if (!reply.retry_after_s) return;
  const std::to_chars_result end = std::to_chars(digits.data(), digits.data() + digits.size(), *reply.retry_after_s);
  edits.add("retry-after", {digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
}

// RFC 9110 6.4.1: some statuses have no content, whatever was asked.
bool has_content(int status) { return status != 204 && status != 304; }

void write_content_reply(const LocalReply& reply, const Edits& edits, const Receiver& to, HeadBuffer& out) {
  ResponseHead head;
  head.status = reply.status;
  head.reason = reason_phrase(reply.status);
  if (has_content(reply.status)) {
    head.framing = BodyFraming::kLength;
    head.content_length = reply.content->size();
  }
  Edits all = edits;
  if (!reply.content->empty()) all.add("content-type", reply.content_type);
  write_response_head(head, all, to, out);
  if (!to.head_request && has_content(reply.status)) out.append(*reply.content);
}

}  // namespace

// Both strings of the JSON are literals of ours: nothing in them needs escaping.
void write_local_reply(const LocalReply& reply, const Edits& edits, const Receiver& receiver, HeadBuffer& out) {
  static constexpr std::string_view kBefore = "{\"error\":{\"code\":\"";
  static constexpr std::string_view kBetween = "\",\"message\":\"";
  static constexpr std::string_view kAfter = "\"}}\n";
  Receiver to = receiver;
  to.keep_alive = receiver.keep_alive && !reply.close;
  if (reply.content) return write_content_reply(reply, edits, to, out);
  ResponseHead head;
  head.status = reply.status;
  head.reason = reason_phrase(reply.status);
  head.framing = BodyFraming::kLength;
  head.content_length = kBefore.size() + reply.code.size() + kBetween.size() + reply.reason.size() + kAfter.size();
  std::array<char, 12> digits{};
  Edits all = edits;
  all.add("content-type", "application/json");
  all.add("x-weir-reason", reply.code);
  if (reply.status == 405) all.add("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (!reply.challenge.empty()) all.add("www-authenticate", reply.challenge);
  add_retry_after(reply, digits, all);
  write_response_head(head, all, to, out);
  if (to.head_request) return;
  out.append(kBefore);
  out.append(reply.code);
  out.append(kBetween);
  out.append(reply.reason);
  out.append(kAfter);
}

void write_options_reply(const Edits& edits, const Receiver& receiver, HeadBuffer& out) {
  ResponseHead head;
  head.status = 200;
  head.reason = reason_phrase(200);
  head.framing = BodyFraming::kLength;
  Edits all = edits;
  all.add("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  write_response_head(head, all, receiver, out);
}

}  // namespace weir::http
