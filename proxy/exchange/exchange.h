// Confined to one worker. One request from its head to its record: match, assign, pick, forward, record. The story is
// Exchange::run(); everything it learns is in its RequestContext.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/asio.h"
#include "proxy/downstream/downstream_stream.h"
#include "proxy/exchange/forwarded.h"
#include "proxy/exchange/inspection.h"
#include "proxy/exchange/look_ahead.h"
#include "proxy/exchange/original_request.h"
#include "proxy/exchange/own_replies.h"
#include "proxy/exchange/request_context.h"
#include "proxy/exchange/shadow_copy.h"
#include "proxy/exchange/worker_context.h"
#include "proxy/forward/forwarder.h"
#include "proxy/route/admission.h"

namespace weir::proxy {

class Exchange final : private ForwardObserver, private LeaseWaiter {
 public:
  // A stream and the deadlines that go with it, used by its exchanges in turn.
  struct Client {
    DownstreamStream& stream;
    Deadline& waiting;   // wakes the stream's waker
    Deadline& slowness;  // calls report_slowness()
    SteadyTime heard;    // when the head of the request was there
  };

  // `listener` is of `topology`, which the exchange keeps.
  Exchange(WorkerContext& worker, const Client& client, Local<Topology> topology, const ListenerTopology& listener);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // For the request that the stream has just read, up to the last byte of the answer given to its connection.
  Awaitable<> run();

  // A response of unknown length is under way.
  bool streaming() const { return streaming_; }
  // The slowness deadline has passed.
  void report_slowness();
  // Ends it now, half answered: the connection is reset. Nobody's fault but ours.
  void cut();

 private:
  enum class Matched : std::uint8_t {
    kYes,
    kNot,  // answered here, no version has any part in it
    kNeedsBody,
  };

  Matched match();
  Matched match_again();
  void read_body();
  UnitFacts unit_facts(config::BodyTexts& body) const;
  bool admitted(const Admission& admission);
  Awaitable<bool> look_ahead();
  Matched answer_options();
  Matched refuse(http::LocalReply reply);
  Matched answer(std::string_view path);
  bool drop_body();
  Reached original() const {
    return original_request(downstream_.request(), {downstream_.scheme(), downstream_.peer(), listener_.trusted_hops});
  }
  void show_own();
  // What the plan's rules see of the request.
  const http::FieldList& fields() const { return shown_ != nullptr ? *shown_ : downstream_.request().fields; }
  void assign();
  void ask(const VersionTopology* version);
  Awaitable<Result<EndpointLease>> pick();
  Awaitable<bool> back_off();
  Error why_given_up() const;
  bool over() const;
  bool total_passed() const;
  bool client_cancelled() const;
  bool start(Forwarder& forwarder) const;
  BodyObserver* observer();
  void note_creations();
  BodyFilter* editor();
  void end_unassigned();
  void tell_attempt(const UpstreamStream* stream, const Error* error);
  bool settle_unconnected(const Error& error);
  bool settle(const ForwardResult& result, EndpointLease& lease);
  Again again_after(const FailedAttempt& failed) const;
  bool may_be_rescued() const;
  bool within_budget(Again again) const;
  void send_again();
  void tell_endpoint(const ForwardResult& result, EndpointLease& lease) const;
  void finish_failed(const ForwardResult& result);
  void record();
  void name_failure(const Outcome& outcome, const Answer* answer);
  void write_line();

  Arrival arrival() const;
  void edit_reply(http::Edits& edits);
  void add_cookie(http::Edits& edits);
  void reply(const http::LocalReply& reply);
  void watch_slowness(SteadyTime now);

  bool passes_on(const http::ResponseHead& head) override;
  void on_response_head(http::ResponseHead& head, http::Edits& edits, SteadyTime now) override;
  bool holds(const http::ResponseHead& head) override;
  Beginning beginning() override;
  BodyFilter* filter_response(const http::ResponseHead& head) override;
  void on_response_end(SteadyTime now) override;
  bool given_up() const override;
  void connecting(bool now) override;

  WorkerContext& worker_;
  DownstreamStream& downstream_;
  Deadline& waiting_;
  Deadline& slowness_;
  const ListenerTopology& listener_;
  RequestContext context_;
  RequestBody body_;
  std::unique_ptr<http::FieldList> shown_;  // null: no rule names a field of the weir's own
  std::unique_ptr<RequestReader> reader_;   // null: nobody has looked into the body
  bool looked_through_ = false;             // as far as anybody will
  config::BodyNeeds needs_;                 // what of it decides where it goes
  std::unique_ptr<Inspection> inspection_;  // null: answers are not inspected
  ShadowCopy* copy_ = nullptr;              // until the record; null: the request is not copied
  FailedAttempt failed_;                    // the last one
  Again again_ = Again::kNo;                // after it
  bool refreshed_ = false;                  // kFresh has been tried
  bool retried_ = false;                    // counted in its version's load
  std::uint32_t tries_ = 1;                 // at the version that is asked now
  SteadyTime not_before_{};                 // the next attempt waits until then
  std::uint32_t held_retry_after_s_ = 0;    // of an answer whose head is held
  std::uint64_t response_bytes_ = 0;
  bool streaming_ = false;
  bool cut_ = false;
  SetCookie cookie_;
  bool cookie_secure_ = false;  // the client's own connection is
};

}  // namespace weir::proxy
