// Immutable once loaded. A rollout's plan: steps, stickiness, overrides, guards (PRODUCT.md sections 2 and 5).
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/finish_reason.h"
#include "config/body_text.h"
#include "config/limits.h"
#include "config/network.h"
#include "config/retry.h"
#include "config/webhook.h"

namespace weir::config {

// One way to find a request's unit key: exactly one member is set. The first of a list that a request has wins.
struct KeySource {
  std::string header;           // lower case
  std::string cookie;           // set by the weir when the request has none
  std::string query = {};       // a parameter, percent-decoded
  bool api_key = false;         // the name of the request's key
  bool client_address = false;  // as text
  std::optional<BodyText> body = {};  // of the JSON that is asked
  bool operator==(const KeySource&) const = default;
};

// How long an assignment holds: until the weight moves a user, as long as the conversation goes on, or for one request.
enum class Scope : std::uint8_t { kUser, kSession, kRequest };

struct Stickiness {
  std::vector<KeySource> by;  // empty, as it is with kRequest: every request is split at random
  Scope scope = Scope::kUser;
  Duration expiry{3'600'000};              // kSession: since its last request
  std::uint64_t memory = 8 * 1024 * 1024;  // kSession: bytes, of the process

  bool keeps_sessions() const { return scope == Scope::kSession && !by.empty(); }
};

// Of a header and a model, those that it names have to be the request's.
struct Override {
  std::string header;  // lower case; empty: any request
  std::string exact;
  std::string version;
  std::vector<Cidr> from;  // empty: anybody
  std::string model = {};  // that the JSON of its body asks for; empty: any request
};

enum class OnInconclusive : std::uint8_t { kPause, kRollback };

struct Hold {
  Duration at_least{120'000};
  std::uint64_t min_requests = 100;
  Duration at_most{21'600'000};
  OnInconclusive on_inconclusive = OnInconclusive::kPause;
};

struct Pause {
  std::optional<Duration> duration;  // unset: until `weir promote` or `weir resume`
};

// One setWeight and all that follows up to the next.
struct Step {
  std::uint32_t weight_ppm = 0;
  std::vector<std::variant<Hold, Pause>> stages;  // in order; never empty once loaded: a default Hold
  std::uint32_t mirror_ppm = 0;                   // share of the baseline's requests that are copied to the candidate
};

// How requests that the baseline answers are copied to the candidate, whose answers are compared and discarded.
struct Mirror {
  std::uint32_t share_ppm = 100'000;                         // where a step does not say its own
  std::vector<std::string> methods = {"GET", "HEAD", "POST"};
  std::uint64_t body = std::uint64_t{1} << 20;               // bytes of a request that is copied
  std::uint32_t in_flight = 64;                              // copies of the process
  Duration timeout = std::chrono::minutes(10);               // for the whole of a copy
  bool operator==(const Mirror&) const = default;
};

// Values are stored in the state file: append only.
enum class GuardMetric : std::uint8_t {
  kErrorRate,
  kCapacityRate,
  kClientErrorRate,
  kClientAbortRate,
  kLatency,
  kTimeToHeaders,
  kTimeToFirstOutput,
  kChunkGap,
  kTokensPerRequest,
  kCostPerRequest,
  kFinishReason,
  kEmptyOutput,
  kInvalidOutput,
  kTruncated,
  kFeedback,
  kTokensPerSecond,
  kCostPer1kTokens,
};
inline constexpr GuardMetric kLastGuardMetric = GuardMetric::kCostPer1kTokens;
enum class GuardAction : std::uint8_t { kRollback, kPause, kWarn };

// What a guard of feedback reads out of the scores that come in.
struct Scoring {
  std::string name = {};
  std::string source = {};  // empty: whoever gives them
  bool binary = false;      // true or false: 1 or 0
  bool lower_is_better = false;
  double from = 0;  // not binary: the scale's ends
  double to = 1;
  bool operator==(const Scoring&) const = default;
};

struct Guard {
  GuardMetric metric = GuardMetric::kErrorRate;
  double quantile = 0;            // of a time
  double relative = 0;            // allowedDegradation: a = 1 + relative
  double absolute = 0;            // a share of requests; of amounts and scores in their own unit; times: unused
  Duration absolute_duration{0};  // times: added to the candidate's threshold
  // A ceiling of its own, beside the comparison: of rates a share, of a time its quantile.
  std::optional<double> max_share = {};
  std::optional<Duration> max_duration = {};
  GuardAction action = GuardAction::kRollback;
  bool gate = true;  // `warn` guards never gate

  FinishReason finish = FinishReason::kNone;  // finishReason: which one
  double cap = 0;                             // amounts: what a value counts up to; 0: by what the baseline shows
  Scoring scoring = {};                       // feedback

  bool has_max() const { return max_share || max_duration; }
};

struct Analysis {
  bool enabled = true;
  double max_false_rollback = 0.01;
  double max_false_advance = 0.05;
  std::uint32_t holdback_ppm = 50'000;
  Duration warmup{0};  // of a candidate that begins to be served: latencies of both arms are not counted
  GuardAction on_guard_fail = GuardAction::kRollback;
  Rescue rescue = {};
  std::vector<Guard> guards;  // resolved: the defaults, changed and added to as the plan says
};

// What a candidate may cost its users over the whole rollout. Reached: it is rolled back, whatever the evidence says.
struct MaxExposure {
  // So many failed requests, or answers with a cost, there have to be before an excess of them decides.
  static constexpr std::uint64_t kLeastForExcess = 10;

  std::optional<std::uint64_t> excess_failures;  // failed requests beyond the baseline's share of them
  std::optional<double> extra_cost;  // beyond the baseline's cost of an answer, in the currency of the prices
  std::optional<std::uint64_t> failed_requests;  // whatever the baseline does

  bool limits() const { return excess_failures || extra_cost || failed_requests; }
};

// How the weight moves, and what for. What belongs to one strategy alone is resolved into its steps.
enum class Strategy : std::uint8_t {
  kCanary,
  kBlueGreen,  // two steps: the preview, and all at once
  kAa,         // the baseline against itself: one step that nothing leaves, with a report whenever its hold is over
  kShadow,     // copies alone, at weight 0: likewise one step that nothing leaves, and a report
};
std::string_view to_string(Strategy strategy);  // as a plan writes it
// Its one step is a measurement that goes on: no evidence, and nobody's command, moves the weight.
constexpr bool only_measures(Strategy strategy) { return strategy == Strategy::kAa || strategy == Strategy::kShadow; }

struct Rollout {
  std::string baseline;
  std::string candidate;  // the baseline itself when the strategy is kAa
  std::string revision;
  std::string salt;  // resolved: service/candidate/revision unless given
  Stickiness stickiness;
  std::vector<Override> overrides;
  Strategy strategy = Strategy::kCanary;
  std::vector<Step> steps;  // resolved: ends with a step at kMillion, unless the strategy only measures
  Mirror mirror = {};
  // kBlueGreen: how long the baseline is kept after the promotion, until an event says that it may be stopped.
  std::optional<Duration> scale_down_delay = {};
  MaxExposure max_exposure = {};
  Analysis analysis;
  std::vector<Webhook> webhooks;

  // One of its steps copies requests.
  bool mirrors() const {
    return std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.mirror_ppm > 0; });
  }
};

}  // namespace weir::config
