// Confined to one worker. A copy of a request that the baseline answers, on its way to the candidate. The exchange shows
// it the request's body and the baseline's answer as they pass; from then on it lives by itself, whatever becomes of the
// client. It is no request of anybody's: no outcome, no retry, no place in line before those that are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/asio.h"
#include "base/comparison.h"
#include "proxy/exchange/forwarded.h"
#include "proxy/exchange/inspection.h"
#include "proxy/exchange/kept_request.h"
#include "proxy/exchange/request_context.h"
#include "proxy/exchange/worker_context.h"
#include "proxy/forward/forwarder.h"
#include "proxy/forward/request_body.h"
#include "proxy/inspect/answer_digest.h"

namespace weir::proxy {

// Begins a copy of a request that has just been assigned, if the plan wants one of it and there is room. Null: none is
// made. It sees all of `body`, of which nothing has been sent, and stays until baseline_ended() has been called.
class ShadowCopy;
struct CopySource {
  const Arrival& arrival;
  const UnitFacts& facts;
  const RequestContext& context;
};
ShadowCopy* begin_copy(WorkerContext& worker, const CopySource& source, RequestBody& body);

class ShadowCopy final : public BodyWatcher, private ForwardObserver, private LeaseWaiter {
 public:
  ShadowCopy(WorkerContext& worker, const RequestContext& context);
  ShadowCopy(const ShadowCopy&) = delete;
  ShadowCopy& operator=(const ShadowCopy&) = delete;

  // False: it cannot be copied.
  bool keep_head(const CopySource& source);
  void on_body(std::string_view data, const http::FieldList* trailers) override;
  // For another attempt at the baseline: who is to see its answer, in place of `reader`, which may be null.
  BodyObserver* watch_baseline(AnswerReader* reader);
  // The request is over, and its exchange goes.
  void baseline_ended(const Outcome& outcome);

  // For that reason, which is counted; once.
  void give_up(Count why);
  // It is compared, but no judge is asked: what he would see is let go of.
  void forgo_judge();
  bool over() const { return baseline_ended_ && !running_; }

 private:
  enum class State : std::uint8_t {
    kReading,  // the request has not come to its end
    kSent,
    kAnswered,
    kGivenUp,
  };

  void leave();
  Awaitable<> run();
  Awaitable<Result<EndpointLease>> lease(bool fresh);
  void inspect();
  BodyFilter* editor();
  bool start(Forwarder& forwarder);
  bool total_passed() const;
  void settle_unconnected(const Error& error);
  bool settle(const ForwardResult& result, EndpointLease& lease, bool fresh);
  void end();
  bool asks_json();
  void note_candidate();
  void compare();
  void begin_pair();
  void show_judge();

  bool passes_on(const http::ResponseHead& /*head*/) override { return true; }
  void on_response_head(http::ResponseHead& head, http::Edits& edits, SteadyTime now) override;
  bool holds(const http::ResponseHead& /*head*/) override { return false; }
  Beginning beginning() override { return Beginning::kGood; }
  BodyFilter* filter_response(const http::ResponseHead& /*head*/) override { return nullptr; }
  void on_response_end(SteadyTime now) override { ended_at_ = now; }
  bool given_up() const override { return state_ == State::kGivenUp || total_passed(); }
  void connecting(bool now) override;

  WorkerContext& worker_;
  const Local<Topology> topology_;
  const Route& route_;
  const ServiceTopology& service_;
  const VersionTopology& candidate_;
  config::Timeouts timeouts_;
  Deadline deadline_;
  EndpointChoice endpoint_;
  KeptRequest request_;
  JudgedClock clock_;
  std::unique_ptr<Inspection> inspection_;  // null: the route inspects nothing
  AnswerDigest baseline_;
  AnswerDigest answer_;    // the candidate's
  AttemptEnd attempt_;     // what came of it
  SteadyTime ended_at_{};  // of its answer
  const AnswerReader* baseline_reader_ = nullptr;  // until baseline_ended(); null: nobody inspects its answer
  std::optional<bool> baseline_sound_;  // what the baseline's model wrote parses where it has to; none: nobody knows
  bool json_asked_ = false;
  std::unique_ptr<JudgedPair> pair_;  // as far as it is known; null: there is no judge
  Comparison comparison_;             // as far as it is known
  State state_ = State::kReading;
  bool running_ = false;  // run() has been begun, and has not ended
  bool sent_ = false;
  bool baseline_ended_ = false;
};

}  // namespace weir::proxy
