// Pure functions. Whether a request goes out once more after an attempt that has failed before its client heard
// anything: to its version (a retry), or to the baseline in the candidate's place (a rescue).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/random.h"
#include "config/retry.h"

namespace weir::proxy {

// What is known of an attempt that has failed.
struct FailedAttempt {
  Error error;               // kStatus: an answer that was held back
  int status = 0;            // of that answer
  bool retry_after = false;  // it said when to come back
  bool unsent = false;       // the origin has seen nothing of the request
};

// What becomes of a request whose attempt has failed.
enum class Again : std::uint8_t {
  kNo,
  kFresh,  // on a fresh connection: the old one had been kept too long, and it was no attempt
  kRetry,
  kRescue,  // to the baseline
};

// RFC 9110 9.2.2: what a proxy may send again by itself once some of it may have been received.
bool idempotent(std::string_view method);

// The connection had been kept too long, and ended before it said a word: no attempt at all, hence free of any budget.
bool was_stale(const FailedAttempt& failed, bool idempotent);

// An origin that says when to come back is not asked before (RFC 9110 10.2.3).
bool may_retry(const config::SendAgain& rules, const FailedAttempt& failed, bool idempotent);

// The other version is another server: it may be asked where the first one has no room, or asks for patience.
bool may_rescue(const config::SendAgain& rules, const FailedAttempt& failed, bool idempotent);

// Whether it could ever need the body of such a request.
bool may_need_body(const config::Retries& retries, bool idempotent);

// Whether one more may run beside `running` such requests, of `active` requests in all.
bool has_room(const config::SendAgain& rules, std::uint32_t running, std::uint32_t active);

// Before the `retry`th one (from 1) goes to an endpoint that has just failed: drawn from all between nothing and a
// bound that doubles each time, so that many do not come back at once.
std::chrono::milliseconds back_off_time(int retry, Random& random);

}  // namespace weir::proxy
