#include "proxy/exchange/kept_request.h"

#include <cstring>

namespace weir::proxy {
namespace {

// It was held to its listener's limits when it came; what the proxy adds is not held to any.
config::Limits wide_limits() {
  constexpr std::uint64_t kWide = 16 * 1024 * 1024;
  config::Limits limits;
  limits.request_line = limits.field = limits.fields = kWide;
  limits.field_count = 10'000;
  return limits;
}

}  // namespace

KeptRequest::KeptRequest(BufferPool& buffers) : buffers_(buffers), codec_(wide_limits()) {}

bool KeptRequest::keep_head(const http::RequestHead& head, const http::Edits& edits) {
  http::write_request_head(head, edits, head_);
  const http::Scan scan = codec_.read_head(head_.view());
  return scan.done() && scan.bytes == head_.size();
}

bool KeptRequest::keep_body(std::string_view data, std::size_t limit) {
  const std::size_t size = body_.size() + data.size();
  if (size > limit) return false;
  if (data.empty()) return true;
  if (!body_) body_ = buffers_.take(size);
  if (body_.space().size() < data.size()) body_.grow(size);
  std::memcpy(body_.space().data(), data.data(), data.size());
  body_.filled(data.size());
  return true;
}

void KeptRequest::keep_trailers(const http::FieldList& trailers) {
  for (const http::Field& field : trailers) trailer_text_.append(field.name).append(field.value);
  std::string_view rest = trailer_text_;
  const auto next = [&rest](std::size_t size) {
    const std::string_view text = rest.substr(0, size);
    rest.remove_prefix(size);
    return text;
  };
  for (const http::Field& field : trailers) {
    const std::string_view name = next(field.name.size());
    trailers_.add(name, next(field.value.size()));
  }
}

void KeptRequest::leave() {
  gone_ = true;
  waker_.wake();
}

void KeptRequest::release() {
  head_.release();
  body_.release();
}

bool KeptRequest::request_ended() const {
  return given_ || codec_.head().framing == http::BodyFraming::kNone;
}

http::BodyEvent KeptRequest::read_body() {
  given_ = true;
  return http::body_slice({body_.data(), body_.size()}, true);
}

}  // namespace weir::proxy
