// Pure functions. What a route demands of a request before a version is assigned: that it comes from where it may,
// shows a key, keeps to a rate. Who is refused here is no version's concern (PRODUCT.md section 5).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "config/network.h"
#include "proxy/http/field_list.h"
#include "proxy/http/reply.h"
#include "proxy/route/route_table.h"

namespace weir::proxy {

enum class Refusal : std::uint8_t { kNone, kAddress, kKey, kRate };

struct Admission {
  Refusal refusal = Refusal::kNone;
  std::string_view api_key = {};    // the name of the key that was shown
  std::uint32_t retry_after_s = 0;  // of kRate
  bool forgot_key = false;          // of a rate, to make room
};

struct Applicant {
  const http::FieldList& fields;
  const config::IpBytes& client;
  SteadyTime now;
};

// In this order: address, key, rate.
Admission admit(const Route& route, const Applicant& applicant);

// Of a request whose body is not looked into yet: nothing of it is held for a client whom none of the routes lets in
// that it may come to. What the first of them has against him; kNone: one lets him in. Takes nothing of a rate.
Admission admit_to_any(const RouteTable& table, const RequestFacts& request, const Applicant& applicant);

// The name of the key that the request shows; empty when it shows none of them, or more than one. How long that takes
// does not depend on the keys.
std::string_view find_api_key(const config::ApiKeys& keys, const http::FieldList& fields);

// What who is refused is told: 403, 401 or 429.
http::LocalReply admission_refusal(const Route& route, const Admission& admission);

}  // namespace weir::proxy
