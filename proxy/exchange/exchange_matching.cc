// An exchange up to its assignment: which route its request takes, whether that may be taken, and what is answered here.
#include <utility>

#include "proxy/exchange/client.h"
#include "proxy/exchange/exchange.h"
#include "proxy/route/action.h"
#include "proxy/route/path.h"

namespace weir::proxy {
namespace {

Count count_of(Refusal refusal) {
  if (refusal == Refusal::kAddress) return Count::kAddressesDenied;
  return refusal == Refusal::kKey ? Count::kKeysDenied : Count::kRateLimited;
}

}  // namespace

// A route's rule on the body is looked into when all else fits, and then the request is matched anew.
Exchange::Matched Exchange::match() {
  const http::RequestHead& request = downstream_.request();
  if (request.answer_here) return answer_options();
  if (worker_.buffers.crowded()) return refuse(http::overloaded());
  const NormalPath path = normalise_path(request.path, listener_.paths, worker_.path_space);
  if (path.fault != PathFault::kNone) return refuse(path_refusal(path.fault));
  // A name with its root's dot is the same name (RFC 1034 3.1), but no rule is written so.
  const std::string_view host = request.host.substr(0, request.host.size() - (request.host.ends_with('.') ? 1 : 0));
  // What is about the server as a whole belongs to who has all of it.
  const bool whole = path.path == "*";
  const Reached reached = listener_.routes.has_redirects() ? original() : Reached();
  const std::optional<std::string_view> model = reader_ ? reader_->text(config::BodyText::kModel) : std::nullopt;
  const RequestFacts facts{request.method,      host,     whole ? "/" : path.path,   &fields(), request.query,
                           worker_.query_space, &reached, reader_ ? &model : nullptr};
  context_.route = listener_.routes.match(facts);
  if (context_.route == nullptr) {
    return refuse({404, "no_route", "no route matches this request", false, std::nullopt});
  }
  const Route& route = *context_.route;
  const Applicant applicant{fields(), context_.client, context_.clock.started()};
  if (route.match.model && !reader_) {
    if (!admitted(admit_to_any(listener_.routes, facts, applicant))) return Matched::kNot;
    context_.route = nullptr;
    needs_.all = config::BodyText::kModel;
    return Matched::kNeedsBody;
  }
  if (route.guarded && !admitted(proxy::admit(route, applicant))) return Matched::kNot;
  if (route.redirect && leads_nowhere(*route.redirect, reached)) {
    return refuse(http::refusal(http::Fault::kMissingHost));
  }
  if (route.answers()) return answer(whole ? "/" : path.path);
  const http::Fault fault = downstream_.start_body(route.limits);
  if (fault != http::Fault::kNone) return refuse(http::refusal(fault));
  if (route.rewrite && route.rewrite->prefix && !whole) {
    context_.path = replace_prefix(path.path, *route.match.path_prefix, *route.rewrite->prefix);
  }
  context_.service = context_.topology->service(route.service);
  // The model's name is looked for in what an origin would read.
  if (context_.service->names_models_in_paths && context_.path.empty() && !whole) context_.path = path.path;
  static const RolloutTraffic kNoRollout;
  context_.traffic = context_.plan ? &context_.plan->of(context_.service->id) : &kNoRollout;
  config::BodyTexts none;
  needs_ = context_.service->split.needs(unit_facts(none), *context_.traffic);
  if (context_.service->balances_by_body) {
    for (const VersionTopology& version : context_.service->versions) {
      add_affinity_needs(version.balancing.by, unit_facts(none), needs_);
    }
  }
  const bool settled = needs_.none() || (reader_ && (reader_->settles(needs_) || looked_through_));
  return settled ? Matched::kYes : Matched::kNeedsBody;
}

// Before anything is decided by its fields.
void Exchange::show_own() {
  shown_ = worker_.shown_fields.take();
  *shown_ = downstream_.request().fields;
  const Reached reached = original();
  const bool believed = is_trusted(listener_.trusted_hops, downstream_.peer());
  show_own_word(arrival(), context_, {reached, believed}, *shown_);
}

// Behind a look at the body. Who has a route by then was looked at for its version.
Exchange::Matched Exchange::match_again() { return context_.route == nullptr ? match() : Matched::kYes; }

// What the request is known by; `body` is where what has been read of its body is put.
UnitFacts Exchange::unit_facts(config::BodyTexts& body) const {
  if (reader_) body = reader_->texts();
  const http::RequestHead& request = downstream_.request();
  return {.fields = fields(),
          .client = context_.client,
          .query = request.query,
          .api_key = context_.api_key,
          .body = reader_ ? &body : nullptr,
          .method = request.method,
          .path = request.path,
          .now = context_.clock.started(),
          .space = worker_.query_space};
}

// What is read of it is looked through from here on.
void Exchange::read_body() {
  if (!reader_) {
    reader_ = worker_.readers.take();
    reader_->begin(context_.topology->body_texts);
  }
  context_.asked = reader_.get();
}

// False: it has been answered here, or its client has left.
Awaitable<bool> Exchange::look_ahead() {
  const bool routed = context_.route != nullptr;
  if (!routed) {
    // Whose limit holds is not known yet.
    config::Limits limits = listener_.limits;
    limits.body = config::kUnlimited;
    downstream_.start_body(limits);
  }
  read_body();
  const config::Timeouts& timeouts = routed ? context_.route->timeouts : listener_.timeouts;
  const LookAheadSpec spec{downstream_, body_, waiting_, context_.clock, timeouts, listener_.limits.lookahead};
  LookAhead ahead(spec, *reader_, needs_);
  Waker& waker = downstream_.waker();
  for (bool more = ahead.start(); more; more = ahead.resume()) {
    if (!waker.take()) co_await waker.wait();
  }
  if (ahead.gave_up()) worker_.counters.add(Count::kLookaheadExceeded);
  looked_through_ = ahead.gave_up() || body_.end_seen() || !says_json(downstream_.request());
  if (!ahead.error()) co_return true;
  context_.error = ahead.error();
  if (cut_ || downstream_.gone()) {
    downstream_.cut();
  } else {
    refuse(unread_reply(*ahead.error()));
  }
  co_return false;
}

// What the route demands of a request before anything is done for it. False: it has been answered here.
bool Exchange::admitted(const Admission& admission) {
  context_.api_key = admission.api_key;
  if (admission.forgot_key) worker_.counters.add(Count::kRateKeysForgotten);
  if (admission.refusal == Refusal::kNone) return true;
  worker_.counters.add(count_of(admission.refusal));
  refuse(admission_refusal(*context_.route, admission));
  return false;
}

Exchange::Matched Exchange::answer_options() {
  http::Edits edits;
  edit_reply(edits);
  if (!drop_body()) downstream_.close_after();
  downstream_.send_options_reply(edits);
  context_.status = 200;
  return Matched::kNot;
}

// Before a version has been assigned.
Exchange::Matched Exchange::refuse(http::LocalReply reply) {
  http::Edits edits;
  edit_reply(edits);
  worker_.counters.add(Count::kRequestsRefused);
  if (reply.overload) worker_.counters.add(Count::kOverloaded);
  reply.close = reply.close || !drop_body();
  downstream_.send_reply(reply, edits);
  context_.status = reply.status;
  context_.reason = reply.code;
  return Matched::kNot;
}

// The plan's own answer, to a request with this path in its normal form.
Exchange::Matched Exchange::answer(std::string_view path) {
  const bool goes_on = drop_body();
  const http::RequestHead& request = downstream_.request();
  http::Edits edits;
  edit_reply(edits);
  std::string location;
  http::LocalReply reply = route_reply(*context_.route, {original(), request, path}, location);
  if (!location.empty()) edits.add("location", location);
  worker_.counters.add(Count::kRequestsAnswered);
  reply.close = !goes_on;
  downstream_.send_reply(reply, edits);
  context_.status = reply.status;
  return Matched::kNot;
}

// Nobody reads the body of a request that is answered here. False: so the connection ends.
bool Exchange::drop_body() {
  const http::RequestHead& request = downstream_.request();
  const bool all_read = body_.asked() && downstream_.request_ended();
  if (request.framing == http::BodyFraming::kNone || all_read) return true;
  if (!cheap_to_drop(request)) return false;
  downstream_.discard_body();
  return true;
}

}  // namespace weir::proxy
