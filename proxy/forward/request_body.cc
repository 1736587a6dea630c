#include "proxy/forward/request_body.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace weir::proxy {

void RequestBody::keep(std::uint64_t limit) {
  assert(!asked_);
  const http::RequestHead& head = stream_.request();
  const bool longer = head.framing == http::BodyFraming::kLength && head.content_length > limit;
  if (limit == 0 || longer) return;
  limit_ = limit;
  stream_.keep_head();
}

void RequestBody::forget() {
  if (limit_ == 0) return;
  limit_ = 0;
  at_ = 0;
  kept_.release();
  stream_.release_head();
}

void RequestBody::rewind() {
  assert(replayable());
  at_ = 0;
  given_end_ = false;
}

http::BodyEvent RequestBody::read_body() {
  if (at_ < kept_.size() || end_came_) {
    const std::string_view again{kept_.data() + at_, kept_.size() - at_};
    at_ = kept_.size();
    given_end_ = end_came_;
    return http::body_slice(again, end_came_);
  }
  asked_ = true;
  const http::BodyEvent event = stream_.read_body();
  if (event.state != http::BodyEvent::State::kData) return event;
  end_came_ = given_end_ = event.end;
  if (limit_ > 0) store(event.data);
  return event;
}

// The slice before this one is done with, so its place may move.
void RequestBody::store(std::string_view data) {
  const std::size_t size = kept_.size() + data.size();
  if (size > limit_) return forget();
  if (data.empty()) return;
  if (buffers_.crowded()) return forget();  // there is no memory to repeat it from
  if (!kept_) kept_ = buffers_.take(size);
  if (kept_.space().size() < data.size()) kept_.grow(size);
  std::memcpy(kept_.space().data(), data.data(), data.size());
  kept_.filled(data.size());
  at_ = kept_.size();
}

}  // namespace weir::proxy
