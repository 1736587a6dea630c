#include "proxy/exchange/forwarded.h"

#include <algorithm>

#include "proxy/exchange/client.h"
#include "proxy/split/unit_key.h"

namespace weir::proxy {
namespace {

// At most 128 visible ASCII characters (PRODUCT.md section 4).
bool acceptable_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

void take_request_id(const http::RequestHead& request, Random& random, RequestContext& context) {
  const std::string_view theirs = request.fields.value(http::FieldId::kXRequestId);
  if (context.hop_trusted && acceptable_request_id(theirs)) {
    std::copy(theirs.begin(), theirs.end(), context.request_id_space.begin());
    context.request_id = {context.request_id_space.data(), theirs.size()};
    return;
  }
  const DrawnId ours = draw_id(random);
  std::copy(ours.begin(), ours.end(), context.request_id_space.begin());
  context.request_id = {context.request_id_space.data(), ours.size()};
}

}  // namespace

void identify(const Arrival& arrival, const ListenerTopology& listener, Random& random, RequestContext& context) {
  context.hop_trusted = listener.passes_all_on || is_trusted(listener.trusted_hops, arrival.peer);
  context.client = client_address(arrival.request.fields, arrival.peer, listener.trusted_hops);
  take_request_id(arrival.request, random, context);
}

// What a trusted hop said is continued, what others say is replaced.
void edit_request(const Arrival& arrival, const RequestContext& context, http::Edits& edits) {
  using http::FieldId;
  const http::RequestHead& request = arrival.request;
  const bool trust = context.hop_trusted;
  // One line is continued, several stay as they are before a line of ours: their order is the way that was taken.
  const auto is_forwarded_for = [](const http::Field& field) { return field.id == FieldId::kXForwardedFor; };
  const auto lines = trust ? std::count_if(request.fields.begin(), request.fields.end(), is_forwarded_for) : 0;
  const std::string_view before = lines == 1 ? request.fields.value(FieldId::kXForwardedFor) : std::string_view();
  // A peer on a Unix socket has no address: nothing is said of it, and what a trusted one says stands.
  const bool known = !arrival.peer_text.empty();
  if (!trust || (known && lines < 2)) edits.drop(FieldId::kXForwardedFor);
  if (known) edits.add("x-forwarded-for", before, arrival.peer_text);
  if (!trust || !request.fields.has(FieldId::kXForwardedProto)) {
    edits.set(FieldId::kXForwardedProto, "x-forwarded-proto", arrival.scheme);
  }
  if ((!trust || !request.fields.has(FieldId::kXForwardedHost)) && !request.authority.empty()) {
    edits.set(FieldId::kXForwardedHost, "x-forwarded-host", request.authority);
  }
  if (!trust) edits.drop(FieldId::kForwarded);
  edits.set(FieldId::kXRequestId, "x-request-id", context.request_id);
  // Behind those of the proxies before us, with the version that the client spoke (RFC 9110 7.6.3).
  if (context.topology->via) edits.add("via", request.minor_version == 0 ? "1.0 weir" : "1.1 weir");
  if (!context.version->endpoints.empty()) edits.set_fallback_host(context.version->endpoints.front().authority);
}

}  // namespace weir::proxy
