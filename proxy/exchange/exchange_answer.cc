// What an exchange's client is told: the origin's answer, as the forwarder passes it on, or one of our own.
#include <algorithm>
#include <charconv>
#include <cstdint>

#include "proxy/exchange/exchange.h"

namespace weir::proxy {
namespace {

constexpr std::uint32_t kRetrySoon_s = 1;

// Of whoever has no room. Seconds; a date, or nothing, is soon.
std::uint32_t retry_after_of(const http::ResponseHead& head) {
  std::uint32_t seconds = 0;
  const http::Field* const field = head.fields.find("retry-after");
  if (field == nullptr) return kRetrySoon_s;
  const char* const end = field->value.data() + field->value.size();
  const auto [at, error] = std::from_chars(field->value.data(), end, seconds);
  return error == std::errc() && at == end ? seconds : kRetrySoon_s;
}

}  // namespace

void Exchange::reply(const http::LocalReply& reply) {
  http::Edits edits;
  edit_reply(edits);
  if (context_.version != nullptr && context_.topology->version_header) {
    edits.set(http::FieldId::kXWeirVersion, "x-weir-version", context_.version->name);
  }
  add_cookie(edits);
  http::LocalReply framed = reply;
  framed.close = framed.close || !downstream_.request_ended();
  context_.status = reply.status;
  context_.reason = reply.code;
  downstream_.send_reply(framed, edits);
}

void Exchange::edit_reply(http::Edits& edits) {
  if (context_.route != nullptr) edits.change(context_.route->response_changes);
  edits.set(http::FieldId::kXRequestId, "x-request-id", context_.request_id);
  edits.add("date", worker_.date.view());
}

void Exchange::add_cookie(http::Edits& edits) {
  if (context_.assignment.reason != AssignmentReason::kNewCookie) return;
  const std::string_view cookie =
      cookie_.write(context_.service->split.cookie_name(), context_.assignment.cookie, cookie_secure_);
  if (!cookie.empty()) edits.add("set-cookie", cookie);
}

// A failure that is told by a status is seen here, before anything of it goes out.
bool Exchange::passes_on(const http::ResponseHead& head) {
  if (head.status < config::StatusSet::kFirst) return true;
  failed_ = {.error = {ErrorKind::kStatus, Side::kUpstream, Retry::kNever, "status"},
             .status = head.status,
             .retry_after = head.fields.has(http::FieldId::kRetryAfter)};
  again_ = again_after(failed_);
  return again_ == Again::kNo;
}

void Exchange::on_response_head(http::ResponseHead& head, http::Edits& edits, SteadyTime now) {
  context_.status = head.status;
  if (tries_ > 1) worker_.counters.add(Count::kRetriesAnswered);
  streaming_ = head.framing == http::BodyFraming::kChunked || head.framing == http::BodyFraming::kUntilClose;
  context_.retry_after = head.fields.has(http::FieldId::kRetryAfter);
  if (!context_.rescued) context_.time_to_headers_us = std::max<std::uint64_t>(1, context_.clock.elapsed_us(now));
  edits.set(http::FieldId::kXRequestId, "x-request-id", context_.request_id);
  if (!head.fields.has(http::FieldId::kDate)) edits.add("date", worker_.date.view());
  if (context_.topology->version_header) {
    edits.set(http::FieldId::kXWeirVersion, "x-weir-version", context_.answering->name);
  } else {
    edits.drop(http::FieldId::kXWeirVersion);
  }
  edits.drop(http::FieldId::kXWeirReason);  // the weir's own replies say it
  edits.change(context_.route->response_changes);
  add_cookie(edits);
  // An upload that is turned down half way is not read to its end, nor by an origin that says that it closes.
  const bool cut_short = !downstream_.request_ended() && (turns_down(head) || !head.keep_alive);
  if (worker_.draining || cut_short) downstream_.close_after();
}

// A stream's own error comes inside a 200. Before its first event has gone out a status can still tell of it.
bool Exchange::holds(const http::ResponseHead& head) {
  const bool waits = context_.route->stream_head == config::StreamHead::kFirstEvent;
  if (!waits || inspection_ == nullptr || !inspection_->reader().facts().streamed) return false;
  held_retry_after_s_ = retry_after_of(head);
  return true;
}

Beginning Exchange::beginning() {
  const AnswerFacts& facts = inspection_->reader().facts();
  if (!facts.failed()) return facts.begun ? Beginning::kGood : Beginning::kUnknown;
  // Its client has to see what is wrong with it, and whoever else is asked says the same.
  if (facts.of_request) return Beginning::kGood;
  const bool full = facts.ending == Ending::kCapacity;
  context_.note_refused_answer();
  failed_ = {.error = {ErrorKind::kStatus, Side::kUpstream, Retry::kNever, full ? "capacity" : "error_event"},
             .status = full ? 503 : 502};
  again_ = again_after(failed_);
  return Beginning::kRefused;
}

BodyFilter* Exchange::filter_response(const http::ResponseHead& head) {
  if (inspection_ == nullptr) return nullptr;
  if (reader_ != nullptr && reader_->asks_json()) inspection_->expect_json();
  return inspection_->filter(head);
}

void Exchange::on_response_end(SteadyTime now) {
  if (context_.response_ended) return;  // the version's part was over before
  context_.latency_us = context_.clock.elapsed_us(now);
  context_.response_ended = true;
  slowness_.clear();  // what is still sent of the request is nobody's latency
}

}  // namespace weir::proxy
