#include "proxy/exchange/forwarded.h"

#include <algorithm>

#include "proxy/exchange/client.h"
#include "proxy/split/unit_key.h"

namespace weir::proxy {
namespace {

// At most 128 visible ASCII characters (PRODUCT.md section 4).
bool acceptable_request_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestId &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

struct ListElement {
  http::FieldId id;
  std::string_view name;
  std::string_view element;  // may be empty
};

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

// A list that each proxy on the way adds to. One line is continued, several stay as they are before a line of ours:
// their order is the way that was taken. Without an element of ours what a trusted hop said stands.
void add_to_list(const http::RequestHead& request, bool trust, const ListElement& ours, http::Edits& edits) {
  const auto is_ours = [&](const http::Field& field) { return field.id == ours.id; };
  const auto lines = trust ? std::count_if(request.fields.begin(), request.fields.end(), is_ours) : 0;
  const std::string_view before = lines == 1 ? request.fields.value(ours.id) : std::string_view();
  if (!trust || (!ours.element.empty() && lines < 2)) edits.drop(ours.id);
  if (!ours.element.empty()) edits.add(ours.name, before, ours.element);
}

// RFC 7239 section 4: colons and brackets want quotes.
void append_quoted(std::string_view value, std::string& out) {
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

std::string_view write_forwarded(const Arrival& arrival, std::string& out) {
  out = "for=";
  if (arrival.peer_text.empty()) {
    out += "unknown";
  } else if (arrival.peer_text.find(':') != std::string_view::npos) {
    out += "\"[";
    out += arrival.peer_text;
    out += "]\"";
  } else {
    out += arrival.peer_text;
  }
  if (!arrival.request.authority.empty()) {
    out += ";host=";
    append_quoted(arrival.request.authority, out);
  }
  out += ";proto=";
  out += arrival.scheme;
  return out;
}

}  // namespace

void identify(const Arrival& arrival, const ListenerTopology& listener, Random& random, RequestContext& context) {
  context.hop_trusted = listener.passes_all_on || is_trusted(listener.trusted_hops, arrival.peer);
  context.client = client_address(arrival.request.fields, arrival.peer, listener.trusted_hops);
  take_request_id(arrival.request, random, context);
  context.trace = Trace::take(arrival.request.fields, context.topology->tracing, random);
}

bool is_own_field(http::FieldId id) {
  using http::field_bit, http::FieldId;
  constexpr http::FieldMask kOwn = field_bit(FieldId::kForwarded) | field_bit(FieldId::kXForwardedFor) |
                                   field_bit(FieldId::kXForwardedProto) | field_bit(FieldId::kXForwardedHost) |
                                   field_bit(FieldId::kXForwardedClientCert) | field_bit(FieldId::kXForwardedOther) |
                                   field_bit(FieldId::kXRequestId) | field_bit(FieldId::kTraceparent) |
                                   field_bit(FieldId::kTracestate) | field_bit(FieldId::kXWeirShadow);
  return (field_bit(id) & kOwn) != 0;
}

void show_own_word(const Arrival& arrival, const RequestContext& context, const Word& word, http::FieldList& fields) {
  using http::field_bit, http::FieldId;
  // Of one hop's lines and another's only one is about the client: what that one said is in `reached`.
  fields.drop(field_bit(FieldId::kXForwardedProto) | field_bit(FieldId::kXForwardedHost) |
              field_bit(FieldId::kXForwardedClientCert) | field_bit(FieldId::kXRequestId));
  if (!word.believed) {
    fields.drop(field_bit(FieldId::kForwarded) | field_bit(FieldId::kXForwardedFor) |
                field_bit(FieldId::kXForwardedOther) | field_bit(FieldId::kXWeirShadow));
  }
  if (!context.trace.continued()) fields.drop(field_bit(FieldId::kTraceparent) | field_bit(FieldId::kTracestate));
  const auto say = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) fields.add(name, value);
  };
  if (!fields.has(FieldId::kXForwardedFor)) say("x-forwarded-for", arrival.peer_text);
  say("x-forwarded-proto", word.reached.scheme);
  say("x-forwarded-host", word.reached.authority);
  say("x-forwarded-client-cert", arrival.client_certificate);
  say("x-request-id", context.request_id);
  say("traceparent", context.trace.begun());
}

// What a trusted hop said is continued, what others say is replaced.
void edit_request(const Arrival& arrival, const RequestContext& context, std::string& space, http::Edits& edits) {
  using http::FieldId;
  const http::RequestHead& request = arrival.request;
  const bool trust = context.hop_trusted;
  // A peer on a Unix socket has no address: X-Forwarded-For has no word for that.
  add_to_list(request, trust, {FieldId::kXForwardedFor, "x-forwarded-for", arrival.peer_text}, edits);
  const bool forwarded = context.topology->forwarded;
  const std::string_view ours = forwarded ? write_forwarded(arrival, space) : std::string_view();
  add_to_list(request, trust, {FieldId::kForwarded, "forwarded", ours}, edits);
  if (!trust || !request.fields.has(FieldId::kXForwardedProto)) {
    edits.set(FieldId::kXForwardedProto, "x-forwarded-proto", arrival.scheme);
  }
  if (!trust) edits.drop(FieldId::kXForwardedHost);  // of an HTTP/1.0 client without Host too, for which we say nothing
  if ((!trust || !request.fields.has(FieldId::kXForwardedHost)) && !request.authority.empty()) {
    edits.set(FieldId::kXForwardedHost, "x-forwarded-host", request.authority);
  }
  // Frameworks build addresses from these: what a client says of its own way here is not passed on.
  if (!trust) edits.drop(FieldId::kXForwardedOther);
  // Nor is anybody's request taken for a copy, whose effects an origin may leave out.
  if (!trust) edits.drop(FieldId::kXWeirShadow);
  // Nobody's word but our own, for origins let people in by it.
  edits.drop(FieldId::kXForwardedClientCert);
  if (!arrival.client_certificate.empty()) edits.add("x-forwarded-client-cert", arrival.client_certificate);
  if (!context.trace.continued()) {
    edits.drop(FieldId::kTraceparent);
    edits.drop(FieldId::kTracestate);
  }
  if (!context.trace.begun().empty()) edits.add("traceparent", context.trace.begun());
  edits.set(FieldId::kXRequestId, "x-request-id", context.request_id);
  // Behind those of the proxies before us, with the version that the client spoke (RFC 9110 7.6.3).
  if (context.topology->via) edits.add("via", request.minor_version == 0 ? "1.0 weir" : "1.1 weir");
  if (!context.answering->endpoints.empty()) edits.set_fallback_host(context.answering->endpoints.front().authority);
}

}  // namespace weir::proxy
