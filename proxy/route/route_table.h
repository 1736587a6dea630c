// Immutable. Which route a request takes. Routes are tried in the order of the plan file and the first that matches
// wins; the index only spares the ones that cannot match, it never changes the answer. A path prefix is a plain prefix
// of the normalised path: "/v1" matches "/v1x" as well, "/v1/" does not; an expression describes the whole of it.
// "*.example.com" is every host below example.com, at any depth. Methods, parameters and cookies are case-sensitive,
// hosts and field names are not.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "config/config.h"
#include "proxy/http/field_changes.h"
#include "proxy/http/field_list.h"
#include "proxy/route/action.h"
#include "proxy/route/rate_limiter.h"

namespace weir::proxy {

// What a route may ask about. The views belong to the request's head; `path` is the normalised copy (route/path.h).
struct RequestFacts {
  std::string_view method;
  std::string_view host;  // lower or upper case, without the port
  std::string_view path;
  const http::FieldList* fields = nullptr;
  std::string_view query = {};  // without its '?'
  std::span<char> space = {};   // at least query.size(): for a value of it that has to be decoded
  // Needed where a table has redirects: null, and all of them lead elsewhere.
  const Reached* reached = nullptr;
  // That the body asks for, if it asks for one. Null: it is not known yet, and every rule on it is taken to hold, so
  // that the body of a request which gets no such route need not be looked into.
  const std::optional<std::string_view>* model = nullptr;
};

struct Route {
  RouteId id = kNoId;
  ServiceId service = kNoId;
  std::string name;
  config::RouteMatch match;
  // Resolved on top of the file's; a listener's own values are put between by RouteTable's builder.
  config::Timeouts timeouts;
  config::Limits limits;
  // What bounds its requests' connections to a version, and how many may wait, beside the version's own limits:
  // `limits` say by how much. kNoId: nothing does.
  std::uint32_t bulkhead = kNoId;
  config::Retries retries = {};
  // What is demanded of its requests (admission.h); `guarded` when there is anything.
  config::AddressRules addresses = {};
  config::ApiKeys api_keys = {};
  std::shared_ptr<RateLimiter> rate_limiter = {};  // of this route on all listeners
  bool guarded = false;
  // What is done with its requests: an answer, or changes on the way to the service and back.
  std::optional<config::Redirect> redirect = {};
  std::optional<config::Respond> respond = {};
  std::optional<config::Rewrite> rewrite = {};
  http::FieldChanges request_changes = {};
  http::FieldChanges response_changes = {};
  config::OnClientHalfClose on_client_half_close = config::OnClientHalfClose::kCancel;
  config::Inspect inspect = config::Inspect::kOff;
  config::StreamHead stream_head = config::StreamHead::kAtOnce;
  bool asks_usage = false;  // streams of the OpenAI kind are asked for their tokens

  // A redirect takes no request that is where it leads: so one to https leaves those alone that came by it.
  bool matches(const RequestFacts& request) const;
  // It leads to no service.
  bool answers() const { return redirect || respond; }
};

class RouteTable {
 public:
  // Normalises the paths of the rules as those of requests are, so that a rule may be written with escapes.
  explicit RouteTable(std::vector<Route> routes);

  // Null: 404. Allocates nothing. `behind`: one of routes(), and what is asked for is the next that would match.
  const Route* match(const RequestFacts& request, const Route* behind = nullptr) const;
  const std::vector<Route>& routes() const { return routes_; }
  bool has_redirects() const { return has_redirects_; }

 private:
  struct Index;
  std::vector<Route> routes_;
  bool has_redirects_ = false;
  std::shared_ptr<const Index> index_;
};

}  // namespace weir::proxy
