#include "proxy/upstream/single_request.h"

#include <utility>

namespace weir::proxy {
namespace {

std::string words_of(ErrorKind kind) {
  const bool nonsense = kind == ErrorKind::kProtocol || kind == ErrorKind::kTooLarge;
  return nonsense ? "what it answers is no response" : "it closed the connection before its response had come";
}

}  // namespace

SingleRequest::SingleRequest(IoContext& io, BufferPool& buffers, const Remote& remote, Wakeable& observer)
    : buffers_(buffers), observer_(observer) {
  connector_.emplace(io, remote, *this);
}

void SingleRequest::wake() {
  const bool changed = state_ == State::kConnecting ? take_connection() : state_ == State::kSent && take_response();
  if (changed) observer_.wake();  // which may have been the end of this
}

bool SingleRequest::take_connection() {
  if (connector_->state() == Connector::State::kPending) return false;
  if (connector_->state() == Connector::State::kConnected) {
    state_ = State::kConnected;
    return true;
  }
  shortage_ = connector_->shortage();
  if (!shortage_.empty()) return fail(shortage_);
  if (connector_->tls_failure().empty()) return fail("it cannot be connected to");
  return fail("TLS: " + std::string(connector_->tls_failure()));
}

void SingleRequest::send(http::RequestHead head, http::Edits edits, std::shared_ptr<const std::string> body) {
  stream_ = std::make_unique<Http1Upstream>(connector_->take(), buffers_);
  connector_.reset();
  state_ = State::kSent;
  body_ = std::move(body);
  edits.add("connection", "close");
  if (body_ != nullptr) {
    head.framing = http::BodyFraming::kLength;
    head.content_length = body_->size();
  }
  stream_->begin(this, limits_);
  stream_->send_head(head, edits);
  if (body_ != nullptr) stream_->send_body({.data = *body_, .end = true});
  stream_->flush();
  take_response();
}

bool SingleRequest::take_response() {
  while (!head_taken_) {
    const ResponseHeadEvent event = stream_->read_head();
    if (event.state == ResponseHeadEvent::State::kPending) return false;
    if (event.state == ResponseHeadEvent::State::kFailed) return fail(words_of(event.error.kind));
    head_taken_ = !stream_->head().interim();
    if (!head_taken_) stream_->next_head();
  }
  const int status = stream_->head().status;
  const bool wanted = most_ > 0 && status >= 200 && status < 300;
  if (wanted && !take_answer()) return state_ == State::kFailed;
  state_ = State::kAnswered;
  return true;
}

// False: more is to come, or it has failed.
bool SingleRequest::take_answer() {
  for (;;) {
    const http::BodyEvent event = stream_->read_body();
    if (event.state == http::BodyEvent::State::kPending) return false;
    if (event.state == http::BodyEvent::State::kFailed) {
      fail(words_of(event.error.kind));
      return false;
    }
    if (answer_.size() + event.data.size() > most_) {
      answer_.clear();
      return true;
    }
    answer_ += event.data;
    if (event.end) return true;
  }
}

bool SingleRequest::fail(std::string why) {
  state_ = State::kFailed;
  failure_ = std::move(why);
  return true;
}

}  // namespace weir::proxy
