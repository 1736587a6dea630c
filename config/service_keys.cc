// The keys of a service and its versions, and of what keeps a user on one of them.
#include "config/body_text.h"
#include "config/keys.h"

namespace weir::config::keys {
namespace {

const Section& prices() {
  static const Range kPrice = {"0", "1000000000"};
  static const Section section{
      .name = "prices",
      .sentence =
          "What a million tokens cost, in a currency that is the same in all of the plan. Answers say how many they "
          "are "
          "where the route has `inspect`.",
      .keys = {required({.name = "input", .kind = Kind::kNumber, .sentence = "Tokens of requests.", .range = kPrice}),
               required({.name = "output", .kind = Kind::kNumber, .sentence = "Tokens of answers.", .range = kPrice}),
               {.name = "cached",
                .kind = Kind::kNumber,
                .sentence = "Tokens of requests that came from a cache.",
                .fallback = "as input",
                .range = kPrice}}};
  return section;
}

const Section& version() {
  static const Section section{
      .name = "version",
      .sentence = "One version of a service.",
      .keys = {{.name = "endpoints",
                .kind = Kind::kList,
                .sentence = "Where it runs: http://host:port, https://host:port or unix:/path.",
                .required = true},
               object("tls", "To the endpoints that are https.", origin_tls()),
               object("loadBalancing", "Which endpoint takes a request.", load_balancing()),
               {.name = "outlier",
                .kind = Kind::kObjectOrOff,
                .sentence = "When an endpoint is left out for what its requests show.",
                .section = &outlier()},
               object("healthCheck", "Asks each endpoint whether it is well.", health_check()),
               object("limits", "For this version alone, in place of the file's.", version_limits()),
               object("prices", "What its tokens cost.", prices()),
               {.name = "model",
                .sentence = "What it calls its model: `model` in the JSON of its requests is that, whatever the client "
                            "asked for. Where the route has `inspect`.",
                .fallback = "as the client asks"},
               {.name = "modelPath",
                .sentence = "Where the paths of its requests name its model, behind /v1/models/ or /v2/models/ as with Triton, "
                            "KServe and TensorFlow Serving, this stands instead: classifier-b, classifier/versions/13 or "
                            "classifier/labels/canary. A request whose path names a version itself goes on as it came.",
                .fallback = "as the client asks"}}};
  return section;
}

const Section& created_ids() {
  static const Section section{
      .name = "created ids",
      .sentence = "Remembers which version has made what a later request names by its id: responses, conversations, files "
                  "and batches, where a route has `inspect`. Such a request goes to that version, whatever the weight, and is "
                  "never evidence; a candidate that is rolled back gets none.",
      .keys = {timeout("expiry", "How long after it was last asked for.", "7d", {"1m", "90d"}),
               size("memory", "Of the process; eight bytes an id. Where it is full the one longest not asked for is forgotten.",
                    "8MiB", {"4KiB", "1GiB"})}};
  return section;
}

const Section& traffic() {
  static const Section section{
      .name = "traffic",
      .sentence =
          "What the service is expected to get: `weir check`, `weir explain` and `weir simulate` reckon with it, and "
          "nothing else does.",
      .keys = {required({.name = "requestsPerSecond",
                         .kind = Kind::kNumber,
                         .sentence = "Of all its versions together.",
                         .range = {"0.001", "1000000000"}}),
               {.name = "errors",
                .kind = Kind::kShare,
                .sentence = "What share of the baseline's requests fails.",
                .fallback = "0.1%",
                .range = {"0%", "100%"}},
               timeout("p50", "The median of the baseline's latencies.", "100ms", {"1ms", "1h"})}};
  return section;
}

}  // namespace

const Section& key_source() {
  static const Section section{
      .name = "key source",
      .sentence = "One way to find whom a request comes from.",
      .keys = {{.name = "header", .kind = Kind::kFieldName, .sentence = "The value of this request header."},
               {.name = "cookie",
                .kind = Kind::kCookieName,
                .sentence = "A random id in this cookie, which the weir sets when it is missing."},
               {.name = "query", .sentence = "The value of this query parameter, percent-decoded; the first one."},
               word("apiKey", "The name of the API key that the route asked for.", {}, {"true"}),
               word("clientAddress", "The client's address, as text.", {}, {"true"}),
               word("body",
                    "What the JSON of the request says there, as text. The body is held until that is known, up to "
                    "`limits.lookahead`: a request that has not said it in so much does not have it.",
                    {}, {kBodyKeyNames.begin(), kBodyKeyNames.end()})},
      .one_of = true};
  return section;
}

const Section& stickiness() {
  static const Section section{
      .name = "stickiness",
      .sentence =
          "What keeps a user on one version. The first entry of `by` that a request has is its key; a request "
          "with none is split at random.",
      .keys = {list("by", "Tried in order. Required, but with `scope: request`.", key_source()),
               word("scope",
                    "How long an assignment holds. `user`: until the weight moves the user; `session`: as long as requests "
                    "of the same key go on, whatever the weight. Who is kept under an earlier weight is no evidence; a "
                    "rollback keeps nobody; `request`: for that request, each is split at random, as where there is no "
                    "stickiness.",
                    "user", {"user", "session", "request"}),
               timeout("expiry", "`session`: how long after its last request a session is over.", "1h", {"1s", "30d"}),
               size("memory",
                    "`session`: of the process; eight bytes a session. Where it is full the one longest without a request is "
                    "forgotten.",
                    "8MiB", {"4KiB", "1GiB"})}};
  return section;
}

const Section& service() {
  static const Section section{
      .name = "service",
      .sentence = "Something that is served, in one or more versions.",
      .keys = {{.name = "versions",
                .kind = Kind::kMap,
                .sentence = "Its versions, by name.",
                .required = true,
                .section = &version(),
                .names = true},
               {.name = "weights",
                .kind = Kind::kMap,
                .sentence = "A static sticky split for a service without a rollout; sums to 100."},
               object("stickiness", "Of the static split.", stickiness()),
               {.name = "createdIds",
                .kind = Kind::kObjectOrOff,
                .sentence = "Sends requests back to the version that made what they name; `off`: wherever the split does.",
                .section = &created_ids()},
               object("traffic", "What the service is expected to get, for forecasts of its rollout.", traffic())}};
  return section;
}

}  // namespace weir::config::keys
