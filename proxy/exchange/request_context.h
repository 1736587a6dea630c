// Confined to one worker. Everything that one request learns on its way, and the record that it leaves.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/answer.h"
#include "base/error.h"
#include "base/outcome.h"
#include "base/score.h"
#include "base/snapshot.h"
#include "base/traffic_plan.h"
#include "proxy/exchange/log_entry.h"
#include "proxy/exchange/retry_policy.h"
#include "proxy/exchange/topology.h"
#include "proxy/exchange/trace.h"
#include "proxy/forward/judged_clock.h"
#include "proxy/inspect/answer_facts.h"
#include "proxy/inspect/request_reader.h"
#include "proxy/split/split.h"
#include "proxy/upstream/rotation.h"

namespace weir::proxy {

struct RequestContext {
  // Kept from start to end, so that no reload and no change of weight mixes versions inside one request.
  Local<Topology> topology;
  Local<TrafficPlan> plan;

  const Route* route = nullptr;
  std::string_view api_key;  // the name of the key that the route asked for
  std::string path;          // that the origin is asked for; empty: as it came
  const ServiceTopology* service = nullptr;
  const VersionTopology* version = nullptr;    // assigned, and judged
  const VersionTopology* answering = nullptr;  // asked now: the baseline, once it is a rescue
  const RolloutTraffic* traffic = nullptr;
  Assignment assignment;
  EndpointChoice endpoint;  // of those of `answering`

  // Who it comes from: the one word on it for all who ask, from access lists to logs (client.h).
  ClientAddress client{};
  bool hop_trusted = false;  // what whoever sent it says of where it came from is passed on

  JudgedClock clock;
  std::array<char, kMaxRequestId> request_id_space{};
  std::string_view request_id;
  Trace trace;

  // What a weir's own reply says in x-weir-reason; of static storage.
  std::string_view reason;
  int status = 0;              // of the head that the client got; 0: none
  bool retry_after = false;    // the response had a Retry-After
  std::optional<Error> error;  // what ended it
  // Of an attempt that has failed, though another may have answered in its place: what the version is judged by.
  std::optional<OutcomeClass> first_failure;
  // By the judged clock; 0: it has not come.
  std::uint64_t time_to_headers_us = 0;
  std::uint64_t latency_us = 0;
  bool response_ended = false;  // latency_us is final
  // A request that goes out again because its connection had aged counts once: no attempt at the version has failed.
  std::uint8_t attempts = 1;
  std::uint8_t over = 0;  // time metrics already reported as passed
  bool overdue = false;   // reported as overdue
  bool rescued = false;
  bool ours = false;  // rescued from a want of the weir's own

  const RequestReader* asked = nullptr;  // what the body says; null: nobody reads it
  const AnswerFacts* answer = nullptr;  // null: not inspected

  std::unique_ptr<LogEntry> log;  // null: no access log, or its line is written

  // Sending it once more hides a failure from the client, not from the judge (PRODUCT.md section 5).
  void note_failure(const FailedAttempt& failed);
  // The client is not to see an answer of which some has been read.
  void note_refused_answer();
  // The baseline takes over at `now`: what the version is judged by is settled.
  void begin_rescue(const FailedAttempt& failed, SteadyTime now);
  // The model that the body asks for; empty: none, or it was not read.
  std::string_view model() const;
  // What the client's part in a failure makes of it: never the version's fault.
  OutcomeClass classify() const;
  // The bits of the time metrics whose threshold `elapsed_us` has passed and that have not been reported.
  std::uint8_t newly_over(std::uint64_t elapsed_us) const;
  // The smallest threshold above `elapsed_us`, overdue_us among them; 0: none is left.
  std::uint64_t next_threshold_us(std::uint64_t elapsed_us) const;

  // The parts of a record that were known when the version was assigned.
  Outcome base_outcome() const;
  Outcome ended_outcome(std::uint64_t bytes_in, std::uint64_t bytes_out) const;
  // When to look for that again: it passes the next threshold then.
  std::optional<SteadyTime> next_slowness(SteadyTime now) const;
  // That it has passed thresholds while it runs, each told once; `over` and `overdue_change` of 0: none.
  Outcome slow_outcome(std::uint64_t elapsed_us);
  // Its name, where it is one of a candidate's failures. `was`: its answer; null where nobody has looked into it, or it
  // still comes.
  std::optional<FailedRequest> failed_request(const Outcome& outcome, const Answer* was) const;
  // What its answer was, or that there was none: nothing where nobody looks into answers, and of what is no model's.
  // Another version's is none of this one. `ended` is its outcome.
  std::optional<Answer> ended_answer(const Outcome& ended) const;
  // Of the answer that the client got, by the prices of the version that gave it, in millionths of the plan's currency.
  // Nothing: it has no prices, or the answer did not say its tokens.
  std::optional<std::uint64_t> cost_micros() const;
  // What joins later scores to it; nothing where nobody scores.
  std::optional<Joinable> joinable(const Outcome& ended) const;

 private:
  // The arm's threshold of the k-th time metric; 0: none.
  std::uint64_t limit_us(std::size_t k) const;
  // What the version's own answer was, as far as it has come; null: nobody looks into it, or it is another version's.
  const AnswerFacts* own_answer() const { return rescued ? nullptr : answer; }
  // Whether the time is known, or still rises with the request's age.
  bool has_come(TimeMetric time) const;
  // The time when the request is so old. 0: this request has none.
  std::uint64_t time_us(TimeMetric time, std::uint64_t age_us) const;
};

// The class of a whole response.
OutcomeClass classify_status(int status, bool retry_after);

// What came of an attempt at a version.
struct AttemptEnd {
  int status = 0;  // of the head that came from upstream; 0: none
  bool retry_after = false;
  const AnswerFacts* answer = nullptr;  // null: not inspected
  std::optional<Error> error = {};      // what ended it
};
OutcomeClass classify(const AttemptEnd& end);

}  // namespace weir::proxy
