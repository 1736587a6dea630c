// Immutable, and pure functions. Where a request's unit key is: in a header, a parameter, a cookie that the weir set,
// its API key or address. And what its endpoint is chosen by.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "config/body_text.h"
#include "config/network.h"
#include "config/rollout.h"
#include "proxy/http/field_list.h"

namespace weir::proxy {

// 128 random bits as lower-case hex: the value of our cookie, in which anything else is replaced, and a request's id.
using DrawnId = std::array<char, 32>;

using ClientAddress = config::IpBytes;

// What a request can be known by.
struct UnitFacts {
  const http::FieldList& fields;
  ClientAddress client{};
  std::string_view query = {};    // without its '?'
  std::string_view api_key = {};  // the name of its key; empty: it has shown none
  const config::BodyTexts* body = nullptr;  // what has been read of it; null: nothing
  std::string_view method = {};
  std::string_view path = {};  // as it came
  SteadyTime now = {};         // when it came
  std::span<char> space = {};     // at least query.size(), and kAddressText: for a key that is not in the head
};
inline constexpr std::size_t kAddressText = 46;

// The key of the first of `sources` that the request has; empty when it has none. A header or a parameter without a
// value is not had, nor is a cookie whose value the weir cannot have set. The view is into the request's head, or into
// its space. Allocates nothing.
std::string_view find_unit_key(const std::vector<config::KeySource>& sources, const UnitFacts& request);

// As find_unit_key(), but a cookie is whatever the application has put there: who gets which endpoint is nobody's
// evidence.
std::string_view find_affinity_key(const std::vector<config::KeySource>& sources, const UnitFacts& request);

// What of the body the two above go by, as far as its head does not decide it: for a key the first that there is, for an
// endpoint whatever may be it.
void add_key_needs(const std::vector<config::KeySource>& sources, const UnitFacts& request, config::BodyNeeds& needs);
void add_affinity_needs(const std::vector<config::KeySource>& sources, const UnitFacts& request,
                        config::BodyNeeds& needs);

// The value of the first cookie of this name (RFC 6265 5.4) that is a DrawnId; empty when there is none.
std::string_view find_cookie_id(const http::FieldList& fields, std::string_view name);

DrawnId draw_id(Random& random);

}  // namespace weir::proxy
