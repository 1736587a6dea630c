#include "proxy/exchange/retry_policy.h"

#include <algorithm>

namespace weir::proxy {
namespace {

// As Envoy's defaults: 25 ms, at most ten times that.
constexpr std::uint32_t kBackOffBase_ms = 25;
constexpr std::uint32_t kBackOffMost_ms = 250;

// The one status by which a server says that it has not handled the request (RFC 9110 15.6.4). A 500 may come from the
// middle of it, and 502 and 504 are a gateway's word on a server that may have done it all.
constexpr int kNothingDone = 503;

bool covers(const config::SendAgain& rules, const FailedAttempt& failed, bool idempotent) {
  const bool may_repeat = idempotent || rules.non_idempotent;
  switch (failed.error.kind) {
    case ErrorKind::kConnect:
    case ErrorKind::kNoResources:  // another may have a connection that is open, and a moment later this one
      return rules.on_connect_failure;
    case ErrorKind::kReset:
    case ErrorKind::kEof:
    case ErrorKind::kTruncated:
    case ErrorKind::kProtocol:
    case ErrorKind::kTooLarge:
      if (failed.error.side != Side::kUpstream) return false;
      return failed.unsent ? rules.on_connect_failure : rules.on_reset && may_repeat;
    case ErrorKind::kTimeout:
      return failed.error.side == Side::kUpstream && rules.on_timeout && may_repeat;
    case ErrorKind::kStatus:
      return rules.on_status.has(failed.status) && (may_repeat || failed.status == kNothingDone);
    case ErrorKind::kOverflow:
    case ErrorKind::kUnavailable:
    case ErrorKind::kCancelled:
    case ErrorKind::kInternal:
      return false;
  }
  return false;
}

}  // namespace

bool idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

bool was_stale(const FailedAttempt& failed, bool idempotent) {
  return failed.error.retry == Retry::kIfReusedConnection && (idempotent || failed.unsent);
}

bool may_retry(const config::SendAgain& rules, const FailedAttempt& failed, bool idempotent) {
  return !failed.retry_after && covers(rules, failed, idempotent);
}

bool may_rescue(const config::SendAgain& rules, const FailedAttempt& failed, bool idempotent) {
  const bool no_room = failed.error.kind == ErrorKind::kOverflow || failed.error.kind == ErrorKind::kUnavailable;
  return no_room ? rules.on_connect_failure : covers(rules, failed, idempotent);
}

bool may_need_body(const config::Retries& retries, bool idempotent) {
  if (idempotent) return true;  // a stale connection alone needs it
  const config::SendAgain& when = retries.when;
  const bool repeats = when.non_idempotent && (when.on_reset || when.on_timeout || !when.on_status.empty());
  return retries.attempts > 0 && (repeats || when.on_status.has(kNothingDone));
}

bool has_room(const config::SendAgain& rules, std::uint32_t running, std::uint32_t active) {
  const double share = rules.budget * static_cast<double>(active);
  return running < rules.min_concurrent || static_cast<double>(running) + 1 <= share;
}

std::chrono::milliseconds back_off_time(int retry, Random& random) {
  const std::uint32_t doubled = kBackOffBase_ms << std::clamp(retry - 1, 0, 8);
  return std::chrono::milliseconds(random.below(std::min(doubled, kBackOffMost_ms) + 1));
}

}  // namespace weir::proxy
