// The keys of a guard.
#include "config/keys.h"

namespace weir::config::keys {
namespace {

const Section& degradation() {
  static const Section section{
      .name = "allowedDegradation",
      .sentence = "How much worse than the baseline is acceptable: (1 + relative) x baseline + absolute.",
      .keys = {
          {.name = "relative",
           .kind = Kind::kShare,
           .sentence =
               "In proportion to the baseline. Not of scores of which higher is better. Of tokensPerSecond, by how "
               "much longer each token may take; of that and costPer1kTokens 100% at most.",
           .fallback = "0%",
           .range = {"0%", "1000%"}},
          {.name = "absolute",
           .kind = Kind::kDegradation,
           .sentence = "Beyond it: of a rate a percentage of requests, of a time a duration, of tokens, cost and "
                       "scores a number in their own unit. Not of tokensPerSecond and costPer1kTokens.",
           .fallback = "0",
           .range = {"0%", "100%"},
           .time = {"0ms", "1h"},
           .amount = {"0", "1000000000"}}}};
  return section;
}

const Section& scale() {
  static const Section section{
      .name = "scale",
      .sentence = "Between which numbers scores lie. What lies outside counts as the nearer end.",
      .keys = {
          {.name = "from", .kind = Kind::kNumber, .sentence = "The lowest.", .fallback = "0", .range = {"-1e9", "1e9"}},
          {.name = "to",
           .kind = Kind::kNumber,
           .sentence = "The highest.",
           .fallback = "1",
           .range = {"-1e9", "1e9"}}}};
  return section;
}

// Of what is read from answers and about them.
std::vector<Key> answer_keys() {
  return {
      word("is", "Of finishReason: which one. More of it is worse.", {},
           {"stop", "length", "tool_calls", "content_filter", "error", "other"}),
      {.name = "cap",
       .kind = Kind::kNumber,
       .sentence = "Of tokensPerRequest and costPerRequest: a request counts no more than this, so that a few huge "
                   "ones do not decide.",
       .fallback = "8 times the baseline's mean, once 200 of its values are known",
       .range = {"0.000001", "1000000000"}},
      {.name = "name", .sentence = "Of feedback: the scores' name."},
      {.name = "source",
       .sentence = "Of feedback: the only source whose scores count.",
       .fallback = "all that give them"},
      {.name = "binary",
       .kind = Kind::kBoolean,
       .sentence = "Of feedback: a score is true or false, and it is their share that is compared; else their mean.",
       .fallback = "false"},
      word("better", "Of feedback: which scores are, the higher or the lower ones.", "higher", {"higher", "lower"}),
      object("scale", "Of feedback that is not binary: between which numbers scores lie.", scale())};
}

Section make_guard() {
  Section section{
      .name = "guard",
      .sentence =
          "Compares the candidate with the baseline over the same seconds. With `max`, holds it against that, too.",
      .keys = {
          required(
              word("metric",
                   "What is compared. tokensPerSecond and costPer1kTokens are of all requests together, output "
                   "tokens by the time that answers took, and cost by all tokens: longer answers alone are no "
                   "worse.",
                   {},
                   {"errorRate", "capacityRate", "clientErrorRate", "clientAbortRate", "latency", "timeToHeaders",
                    "timeToFirstOutput", "chunkGap", "tokensPerRequest", "costPerRequest", "finishReason",
                    "emptyOutput", "invalidOutput", "truncated", "feedback", "tokensPerSecond", "costPer1kTokens"})),
          {.name = "quantile",
           .kind = Kind::kNumber,
           .sentence = "Of a time (latency, timeToHeaders, timeToFirstOutput, chunkGap): 0.5, 0.9, 0.99, or another "
                       "with a margin of its own.",
           .fallback = "0.99",
           .range = {"0.01", "0.9999"}},
          {.name = "allowedDegradation",
           .kind = Kind::kObject,
           .sentence = "The margin.",
           .fallback = "the metric's own",
           .section = &degradation()},
          {.name = "max",
           .kind = Kind::kDegradation,
           .sentence = "A ceiling beside the comparison, that the candidate fails by passing it, however bad the "
                       "baseline is: of a rate a share of requests, of a time its quantile. A mean has none.",
           .fallback = "none",
           .range = {"0.0001%", "99.9999%"},
           .time = {"1ms", "1h"}},
          word("onGuardFail", "What is done when it fails.", "the analysis' own", {"rollback", "pause", "warn"}),
          {.name = "gate",
           .kind = Kind::kBoolean,
           .sentence = "Whether it has to pass before the rollout advances.",
           .fallback = "true"},
          {.name = "enabled",
           .kind = Kind::kBoolean,
           .sentence = "false takes a default guard away.",
           .fallback = "true"}}};
  for (Key& key : answer_keys()) section.keys.push_back(std::move(key));
  return section;
}

}  // namespace

const Section& guard() {
  static const Section section = make_guard();
  return section;
}

}  // namespace weir::config::keys
