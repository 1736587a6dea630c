#include "proxy/route/admission.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "proxy/http/field.h"

namespace weir::proxy {
namespace {

// The value of the only field of that name. Of several, some other server might take another one.
std::optional<std::string_view> only_value(const http::FieldList& fields, std::string_view name) {
  std::optional<std::string_view> found;
  for (const http::Field& field : fields) {
    if (!http::equal_ignoring_case(field.name, name)) continue;
    if (found) return std::nullopt;
    found = field.value;
  }
  return found;
}

// RFC 6750 2.1; the scheme's case does not count (RFC 9110 11.1).
std::string_view bearer_token(std::string_view value) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!http::equal_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return {};
  return value.substr(std::min(value.find_first_not_of(' ', kScheme.size()), value.size()));
}

// What is counted by itself. Of an IPv6 address what a site is given at the least (RFC 6177): the rest is the client's
// to choose.
std::string_view rate_key(const config::RateLimit& limit, const Applicant& applicant, std::string_view api_key) {
  using By = config::RateLimit::By;
  switch (limit.by) {
    case By::kRoute:
      return {};
    case By::kApiKey:
      return api_key;
    case By::kHeader: {
      const http::Field* const field = applicant.fields.find(limit.header);
      return field == nullptr ? std::string_view() : field->value;
    }
    case By::kClientAddress:
      break;
  }
  const bool v4 =
      std::all_of(applicant.client.begin(), applicant.client.begin() + 10, [](auto byte) { return byte == 0; });
  return {reinterpret_cast<const char*>(applicant.client.data()), v4 ? applicant.client.size() : 8};
}

// By who the client is: address and key.
Admission let_in(const Route& route, const Applicant& applicant) {
  Admission admission;
  if (!route.addresses.admits(applicant.client)) {
    admission.refusal = Refusal::kAddress;
  } else if (!route.api_keys.keys.empty()) {
    admission.api_key = find_api_key(route.api_keys, applicant.fields);
    if (admission.api_key.empty()) admission.refusal = Refusal::kKey;
  }
  return admission;
}

// Rounded up: who comes back then is taken, if nobody else came before.
std::uint32_t whole_seconds(std::chrono::nanoseconds wait) {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

}  // namespace

std::string_view find_api_key(const config::ApiKeys& keys, const http::FieldList& fields) {
  std::string_view shown = only_value(fields, keys.header).value_or(std::string_view());
  if (keys.bearer()) shown = bearer_token(shown);
  // Longer than any key: not worth a comparison, and it is the sender who knows its length.
  if (shown.empty() || shown.size() > config::kMaxApiKey) return {};
  std::string_view name;
  for (const config::ApiKey& key : keys.keys) {
    if (equal_in_constant_time(key.key.value, shown)) name = key.name;
  }
  return name;
}

Admission admit(const Route& route, const Applicant& applicant) {
  Admission admission = let_in(route, applicant);
  if (admission.refusal == Refusal::kNone && route.rate_limiter != nullptr) {
    const std::string_view key = rate_key(route.rate_limiter->limit(), applicant, admission.api_key);
    const RateLimiter::Taken taken = route.rate_limiter->take(key, applicant.now);
    admission.forgot_key = taken.forgot;
    if (taken.wait.count() > 0) {
      admission.refusal = Refusal::kRate;
      admission.retry_after_s = whole_seconds(taken.wait);
    }
  }
  return admission;
}

Admission admit_to_any(const RouteTable& table, const RequestFacts& request, const Applicant& applicant) {
  Admission first;
  for (const Route* route = table.match(request); route != nullptr; route = table.match(request, route)) {
    const Admission admission = let_in(*route, applicant);
    if (admission.refusal == Refusal::kNone) return admission;
    if (first.refusal == Refusal::kNone) first = admission;
    if (!route->match.model) break;
  }
  return first;
}

http::LocalReply admission_refusal(const Route& route, const Admission& admission) {
  http::LocalReply reply;
  if (admission.refusal == Refusal::kAddress) {
    reply.status = 403;
    reply.code = "address_denied";
    reply.reason = "this route is not for the client's address";
  } else if (admission.refusal == Refusal::kRate) {
    reply.status = 429;
    reply.code = "rate_limited";
    reply.reason = "there are more requests than this route takes in a time";
    reply.retry_after_s = admission.retry_after_s;
  } else {
    reply.status = 401;
    reply.code = "api_key_needed";
    reply.reason = "this route asks for an API key that it knows";
    // RFC 9110 15.5.2: a 401 says how.
    reply.challenge = route.api_keys.bearer() ? "Bearer" : "ApiKey";
  }
  return reply;
}

}  // namespace weir::proxy
