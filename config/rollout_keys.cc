// The keys of a rollout.
#include "config/keys.h"

namespace weir::config::keys {
namespace {

const Section& override_header() {
  static const Section section{
      .name = "override header",
      .sentence = "The header that chooses.",
      .keys = {{.name = "name", .kind = Kind::kFieldName, .sentence = "The header's name.", .required = true},
               {.name = "exact", .sentence = "The whole value.", .required = true}}};
  return section;
}

const Section& override_model() {
  static const Section section{
      .name = "override model",
      .sentence = "The model that a JSON request asks for, `model` at the top of its body. The body is held meanwhile, up "
                  "to `limits.lookahead`: a model that is not found in so much of it chooses nothing.",
      .keys = {{.name = "exact", .sentence = "The whole name.", .required = true}}};
  return section;
}

const Section& override_match() {
  static const Section section{.name = "override match",
                               .sentence = "What chooses: a header, a model, or both at once.",
                               .keys = {object("header", "The header that chooses.", override_header()),
                                        object("model", "The model that chooses.", override_model())}};
  return section;
}

const Section& override_rule() {
  static const Section section{
      .name = "override",
      .sentence = "Lets a request choose its version. Such requests are served, counted apart, and never evidence.",
      .keys = {required(object("match", "What the request has to say.", override_match())),
               {.name = "version", .sentence = "The version it gets.", .required = true},
               {.name = "from",
                .kind = Kind::kList,
                .sentence = "The client addresses that may, as 10.0.0.0/8.",
                .fallback = "anybody"}}};
  return section;
}

const Section& hold() {
  static const Section section{
      .name = "hold",
      .sentence = "Waits in a step until the evidence allows the next one.",
      .keys = {timeout("atLeast", "Never shorter.", "2m", {"0s", "365d"}),
               count("minRequests", "Judged candidate requests in the step.", "100", "1000000000"),
               timeout("atMost", "Longer than this, `onInconclusive` is done.", "6h", {"1ms", "365d"}),
               word("onInconclusive", "What is done for want of evidence.", "pause", {"pause", "rollback"})}};
  return section;
}

const Section& pause() {
  static const Section section{
      .name = "pause",
      .sentence = "Waits for a time, or for a person.",
      .keys = {timeout("duration", "Without it: until `weir promote` or `weir resume`.", {}, {"1ms", "365d"})}};
  return section;
}

Key mirrored_share(std::string_view fallback) {
  return {.name = "percent",
          .kind = Kind::kPercent,
          .sentence = "The share of the baseline's requests that are copied.",
          .fallback = fallback,
          .range = {"0.0001", "100"}};
}

const Section& step_mirror() {
  static const Section section{
      .name = "step mirror",
      .sentence = "Copies requests while the step lasts, its pauses included.",
      .keys = {mirrored_share("the rollout's `mirror.percent`")}};
  return section;
}

const Section& mirror() {
  static const Section section{
      .name = "mirror",
      .sentence =
          "How requests that the baseline answers are copied to the candidate. Users never see what that answers to a "
          "copy, nor does it count for any guard or budget: it is compared with the baseline's answer to the same "
          "request, and discarded. A copy carries `x-weir-shadow: true` and is never retried.",
      .keys = {mirrored_share("10"),
               {.name = "methods",
                .kind = Kind::kMethods,
                .sentence = "Which requests may be copied.",
                .fallback = "GET, HEAD and POST"},
               size("body", "A request with a longer body is not copied: it is held until the copy has been sent.",
                    "1MiB", {"1B", "64MiB"}),
               count("inFlight", "Copies at once, of all workers. One more is left out.", "64", "100000"),
               timeout("timeout", "For a copy, from the end of its request to the end of its answer.", "10m",
                       {"10ms", "1d"})}};
  return section;
}

const Section& step() {
  static const Section section{
      .name = "step",
      .sentence = "One entry of the steps: a weight, or what is waited for at the weight before it.",
      .keys = {{.name = "setWeight",
                .kind = Kind::kPercent,
                .sentence = "The candidate's share from here on.",
                .range = {"0", "100"}},
               object("hold", "Waits until the evidence allows the next step.", hold()),
               object("pause", "Waits for a time, or for a person.", pause()),
               object("mirror", "Copies requests to the candidate while the step lasts.", step_mirror())},
      .one_of = true};
  return section;
}

const Section& max_exposure() {
  static const Section section{
      .name = "maxExposure",
      .sentence =
          "What the candidate may cost its users over the whole rollout. Once one of these is reached it is rolled "
          "back, "
          "however little is proved, in a pause too. A budget is no test: it stands outside maxFalseRollback. A failed "
          "request is one that errorRate or capacityRate counts and that no rescue answered.",
      .keys = {
          count("excessFailures",
                "Failed requests beyond the baseline's share of them over the same steps. From 10 failed ones on.", "",
                "1000000000"),
          {.name = "extraCost",
           .kind = Kind::kNumber,
           .sentence = "What its answers cost beyond the baseline's, in the currency of the prices. From 10 answers "
                       "with a cost on.",
           .range = {"0.000001", "1000000000"}},
          count("failedRequests",
                "Failed requests, whatever the baseline does; those of kept sessions and returned ids among them.", "",
                "1000000000")}};
  return section;
}

const Section& analysis() {
  static const Section section{
      .name = "analysis",
      .sentence =
          "How the rollout is judged. The default guards are errorRate, capacityRate, clientErrorRate, "
          "clientAbortRate and the latency's 0.99 quantile.",
      .keys = {{.name = "maxFalseRollback",
                .kind = Kind::kShare,
                .sentence = "How often a good candidate may be rolled back, per rollout-day.",
                .fallback = "1%",
                .range = {"0.0001%", "49.9999%"}},
               {.name = "maxFalseAdvance",
                .kind = Kind::kShare,
                .sentence = "How often a bad one may advance, per step and gate.",
                .fallback = "5%",
                .range = {"0.0001%", "49.9999%"}},
               timeout("warmup",
                       "How long latencies of both versions are not counted once the candidate begins to get traffic: "
                       "its caches are cold. Errors always count.",
                       "0s", {"0s", "1d"}),
               {.name = "holdback",
                .kind = Kind::kPercent,
                .sentence = "Stays on the baseline during the bake, as its comparison.",
                .fallback = "5%",
                .range = {"0", "50"}},
               list("guards", "Added to the default guards, or in place of the one of the same metric and quantile.",
                    guard()),
               word("onGuardFail", "What is done when a guard fails.", "rollback", {"rollback", "pause", "warn"}),
               object("rescue", "Lets the baseline answer what the candidate has failed.", rescue())}};
  return section;
}

Key strategy() {
  return word("strategy",
              "`canary` goes by steps; `blueGreen` previews, then switches everybody at once; `shadow` sends the candidate "
              "copies of requests, and no user; `aa` compares the baseline with itself. The last two report what they "
              "have seen, and change no weight.",
              "canary", {"canary", "blueGreen", "shadow", "aa"});
}

}  // namespace

const Section& rollout() {
  static const Section section{
      .name = "rollout",
      .sentence = "Moves a service from its baseline to its candidate. Its key is the service's name.",
      .keys = {{.name = "baseline", .sentence = "The version that serves now.", .required = true},
               {.name = "candidate",
                .sentence = "The version that is to serve. Has to be there, unless the strategy is `aa`.",
                .fallback = "with `aa` the baseline"},
               {.name = "revision", .sentence = "A free label; a new one is a new rollout.", .fallback = "empty"},
               {.name = "salt", .sentence = "What users are hashed with.", .fallback = "service/candidate/revision"},
               strategy(),
               {.name = "previewWeight",
                .kind = Kind::kPercent,
                .sentence = "`blueGreen`: the share of users that the candidate is judged on before the switch. With 0 "
                            "only `overrides` show it, nothing is judged, and the switch waits for `weir promote`.",
                .fallback = "1",
                .range = {"0", "50"}},
               object("previewHold", "`blueGreen`: what has to be shown before the switch.", hold()),
               object("bakeHold", "`blueGreen`: how long the candidate is watched after the switch.", hold()),
               timeout("scaleDownDelay",
                       "`blueGreen`: how long after the promotion the baseline is kept; then the event `scaleDown` "
                       "says that it may be stopped.",
                       "30s", {"0s", "365d"}),
               {.name = "splitWeight",
                .kind = Kind::kPercent,
                .sentence = "`aa`: the share of users in the second arm.",
                .fallback = "50",
                .range = {"0.0001", "50"}},
               timeout("reportEvery", "`aa` and `shadow`: how often a report goes into the history.", "1d", {"1s", "365d"}),
               {.name = "mirror",
                .kind = Kind::kObject,
                .sentence = "`shadow`, and `canary` where a step has a `mirror`: how requests are copied.",
                .section = &mirror()},
               {.name = "stickiness",
                .kind = Kind::kObject,
                .sentence = "What keeps a user on one version.",
                .fallback = "every request is split at random",
                .section = &stickiness()},
               {.name = "overrides",
                .kind = Kind::kList,
                .sentence = "Who may choose a version.",
                .fallback = "nobody",
                .section = &override_rule()},
               {.name = "steps",
                .kind = Kind::kList,
                .sentence = "`canary`: weights, and what is waited for at each.",
                .fallback = "1, 5, 25, 50 and 100 %",
                .section = &step()},
               {.name = "maxExposure",
                .kind = Kind::kObject,
                .sentence = "What the candidate may cost its users over the whole rollout.",
                .fallback = "no limit",
                .section = &max_exposure()},
               {.name = "analysis",
                .kind = Kind::kObjectOrOff,
                .sentence = "How it is judged; `off`: not at all.",
                .section = &analysis()},
               {.name = "webhooks",
                .kind = Kind::kList,
                .sentence = "Who is told what it does. At most 8.",
                .fallback = "nobody",
                .section = &webhook()}}};
  return section;
}

}  // namespace weir::config::keys
