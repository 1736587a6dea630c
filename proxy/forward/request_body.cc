#include "proxy/forward/request_body.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace weir::proxy {

http::BodyEvent RequestBody::look() {
  if (buffers_.crowded()) return http::failed_body({ErrorKind::kNoResources, Side::kInternal, Retry::kNever, "memory"});
  if (!std::exchange(asked_, true)) stream_.keep_head();
  const http::BodyEvent event = stream_.read_body();
  if (event.state != http::BodyEvent::State::kData) return event;
  end_came_ = event.end;
  append(event.data);
  return event;
}

void RequestBody::keep(std::uint64_t limit) {
  const http::RequestHead& head = stream_.request();
  const bool longer = head.framing == http::BodyFraming::kLength && head.content_length > limit;
  if (limit == 0 || longer || looked_at() > limit) return;
  limit_ = limit;
  if (!asked_) stream_.keep_head();
}

void RequestBody::show(BodyWatcher& watcher) {
  const bool all = end_came_ || (!asked_ && stream_.request_ended());
  if (all || !kept_.empty()) watcher.on_body({kept_.data(), kept_.size()}, all ? &trailers() : nullptr);
  if (!all) watcher_ = &watcher;
}

void RequestBody::forget() {
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
  // What was looked at has been sent.
  if (asked_ && limit_ == 0) forget();
  asked_ = true;
  const http::BodyEvent event = stream_.read_body();
  if (event.state != http::BodyEvent::State::kData) return event;
  end_came_ = given_end_ = event.end;
  if (reader_ != nullptr) reader_->take(event.data);
  if (watcher_ != nullptr) watcher_->on_body(event.data, event.end ? &trailers() : nullptr);
  if (limit_ > 0) store(event.data);
  return event;
}

// The slice before this one is done with, so its place may move.
void RequestBody::store(std::string_view data) {
  const std::size_t size = kept_.size() + data.size();
  if (size > limit_) return forget();
  if (data.empty()) return;
  if (buffers_.crowded()) return forget();  // there is no memory to repeat it from
  append(data);
  at_ = kept_.size();
}

void RequestBody::append(std::string_view data) {
  if (data.empty()) return;
  const std::size_t size = kept_.size() + data.size();
  if (!kept_) kept_ = buffers_.take(size);
  if (kept_.space().size() < data.size()) kept_.grow(size);
  std::memcpy(kept_.space().data(), data.data(), data.size());
  kept_.filled(data.size());
}

}  // namespace weir::proxy
