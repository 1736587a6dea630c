#include "app/webhooks/delivery_queue.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

namespace weir::app {
namespace {

using std::chrono::seconds;

// RFC 9110 10.2.3: seconds, or a date in its one form that is still made (5.6.7).
std::optional<Milliseconds> parse_retry_after(std::string_view text, WallTime now) {
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc() && end == text.data() + text.size()) return seconds(count);
  std::tm parts{};
  const std::string date(text);
  const char* const rest = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  const auto at = std::chrono::system_clock::from_time_t(::timegm(&parts));
  return std::chrono::ceil<Milliseconds>(std::max(at - now, WallTime::duration::zero()));
}

bool may_be_repeated(int status) { return status == 0 || status == 408 || status == 429 || status >= 500; }

}  // namespace

DeliveryResult result_of(int status, std::string_view retry_after, WallTime now) {
  DeliveryResult result{.status = status};
  if (status >= 200 && status < 300) return result;
  const bool redirect = status >= 300 && status < 400;
  result.problem = "it answers " + std::to_string(status) + (redirect ? ", and redirects are not followed" : "");
  if (may_be_repeated(status)) result.retry_after = parse_retry_after(retry_after, now);
  return result;
}

bool DeliveryQueue::push(Event event, SteadyTime now) {
  const bool full = events_.size() >= kMost;
  if (full) {
    ++counts_.dropped;
    if (under_way_) {
      events_.erase(events_.begin() + 1);
    } else {
      events_.pop_front();
      next(due_);  // who does not answer is not asked sooner for another event
    }
  }
  if (events_.empty()) due_ = now;
  events_.push_back(std::move(event));
  return full;
}

SteadyTime DeliveryQueue::due() const { return under_way_ || events_.empty() ? SteadyTime::max() : due_; }

DeliveryQueue::Event DeliveryQueue::begin() {
  under_way_ = true;
  return events_.front();
}

DeliveryQueue::Fate DeliveryQueue::end(const DeliveryResult& result, SteadyTime now) {
  under_way_ = false;
  const bool delivered = result.problem.empty();
  if (!delivered && may_be_repeated(result.status) && failures_ < retries_) {
    ++failures_;
    due_ = now + std::max(back_off(), std::min(result.retry_after.value_or(Milliseconds(0)), kLongestRetryAfter));
    return Fate::kRetry;
  }
  ++(delivered ? counts_.delivered : counts_.failed);
  events_.pop_front();
  next(now);
  return delivered ? Fate::kDelivered : Fate::kGivenUp;
}

void DeliveryQueue::put_back(SteadyTime at) {
  under_way_ = false;
  due_ = at;
}

void DeliveryQueue::change(std::uint32_t retries, SteadyTime now) {
  retries_ = retries;
  next(now);
}

void DeliveryQueue::next(SteadyTime now) {
  failures_ = 0;
  due_ = now;
}

Milliseconds DeliveryQueue::back_off() {
  const std::uint32_t doublings = std::min(failures_ - 1, 16U);
  const Milliseconds whole = std::min<Milliseconds>(kFirstRetry * (1 << doublings), kLongestRetry);
  return std::chrono::ceil<Milliseconds>(whole * (0.5 + 0.5 * random_.uniform()));
}

}  // namespace weir::app
