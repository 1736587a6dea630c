#include "proxy/http/codec.h"

#include <utility>

#include "proxy/http/meaning.h"

namespace weir::http {

void ServerCodec::reset() {
  scanner_.reset();
  head_.clear();
  keep_alive_ = true;
  body_started_ = false;
}

void ServerCodec::release() {
  scanner_.release();
  head_.clear();
  head_.fields.release();
}

Scan ServerCodec::read_head(std::string_view buffer) {
  const Scan scan = scanner_.scan(buffer, head_);
  if (!scan.done()) {
    receiver_ = Receiver();
    receiver_.head_request = scanner_.is_head(buffer);
    return scan;
  }
  receiver_ = {head_.minor_version, head_.is_head(), head_.keep_alive};
  keep_alive_ = head_.keep_alive;
  return scan;
}

const RequestHead& ServerCodec::refused_head(std::string_view buffer) {
  // Else it was whole, and what it means is wrong.
  if (head_.method.empty()) scanner_.describe(buffer, head_);
  if (head_.path.empty()) describe_target(head_);
  return head_;
}

Fault ServerCodec::start_body(std::uint64_t limit) {
  if (std::exchange(body_started_, true)) return body_.set_limit(limit);
  const Fault fault = body_.start(head_.framing, head_.content_length, limit);
  if (head_.framing == BodyFraming::kChunked) body_.withhold(head_.nominated);
  return fault;
}

Receiver ServerCodec::receiver(bool closing) const {
  Receiver receiver = receiver_;
  receiver.keep_alive = receiver.keep_alive && !closing;
  return receiver;
}

void ServerCodec::write_head(const ResponseHead& response, const Edits& edits, bool closing, HeadBuffer& out) {
  if (response.interim()) {
    // HTTP/1.0 knows no interim responses (RFC 9110 15.2).
    if (receiver_.minor_version > 0) write_response_head(response, edits, receiver_, out);
    return;
  }
  Receiver to = receiver(closing);
  const BodyFraming framing = outgoing_framing(response, to);
  if (framing == BodyFraming::kUntilClose) to.keep_alive = false;
  keep_alive_ = to.keep_alive;
  write_response_head(response, edits, to, out);
  encoder_.start(framing, response.content_length, edits.changes());
}

void ServerCodec::write_reply(const LocalReply& reply, const Edits& edits, HeadBuffer& out) {
  const Receiver to = receiver(reply.close);
  keep_alive_ = to.keep_alive;
  write_local_reply(reply, edits, to, out);
  encoder_.start(BodyFraming::kNone, 0);
}

void ClientCodec::reset() {
  scanner_.reset();
  head_.clear();
  final_ = false;
}

void ClientCodec::release() {
  scanner_.release();
  head_.clear();
  head_.fields.release();
}

void ClientCodec::write_head(const RequestHead& request, const Edits& edits, HeadBuffer& out) {
  scanner_.expect_answer_to_head(request.is_head());
  write_request_head(request, edits, out);
  encoder_.start(request.framing, request.content_length + edits.longer(), edits.changes());
}

Scan ClientCodec::read_head(std::string_view buffer) {
  const Scan scan = scanner_.scan(buffer, head_);
  if (scan.done() && !head_.interim()) {
    final_ = true;
    body_.start(head_.framing, head_.content_length, config::kUnlimited);
    if (head_.framing == BodyFraming::kChunked) body_.withhold(head_.nominated);
  }
  return scan;
}

void ClientCodec::next_head() {
  scanner_.reset();
  head_.clear();
}

}  // namespace weir::http
