// Every key of the plan file. A bound is where a value stops to make sense, not where it stops to be wise.
#include "config/declaration.h"

namespace weir::config {
namespace {

Key timeout(std::string_view name, std::string_view sentence, std::string_view fallback, Range range) {
  return {.name = name, .kind = Kind::kDuration, .sentence = sentence, .fallback = fallback, .range = range};
}

Key size(std::string_view name, std::string_view sentence, std::string_view fallback, Range range) {
  return {.name = name, .kind = Kind::kSize, .sentence = sentence, .fallback = fallback, .range = range};
}

Key count(std::string_view name, std::string_view sentence, std::string_view fallback, std::string_view most) {
  return {.name = name, .kind = Kind::kCount, .sentence = sentence, .fallback = fallback, .range = {"1", most}};
}

Key word(std::string_view name, std::string_view sentence, std::string_view fallback,
         std::vector<std::string_view> words) {
  return {.name = name, .kind = Kind::kWord, .sentence = sentence, .fallback = fallback, .words = std::move(words)};
}

Key object(std::string_view name, std::string_view sentence, const Section& section) {
  return {.name = name, .kind = Kind::kObject, .sentence = sentence, .section = &section};
}

Key list(std::string_view name, std::string_view sentence, const Section& section) {
  return {.name = name, .kind = Kind::kList, .sentence = sentence, .section = &section};
}

Key unsupported(std::string_view name, std::string_view what) {
  return {.name = name, .kind = Kind::kUnsupported, .sentence = what};
}

Key required(Key key) {
  key.required = true;
  return key;
}

// The request is read before its route is known.
Key not_on_a_route(Key key) {
  key.innermost = Place::kListener;
  return key;
}

// A version is one for all that lead to it.
Key on_the_file(Key key) {
  key.innermost = Place::kFile;
  return key;
}

const Section& timeouts() {
  static const Section section{
      .name = "timeouts",
      .sentence =
          "How long each part of an exchange may take. Set on the file, a listener or a route; the inner one "
          "wins.",
      .keys = {
          not_on_a_route(timeout("header", "From the first byte of a request to the end of its head.",
                                 "10s; sidecar 30s", {"1ms", "1h"})),
          timeout("bodyIdle", "Between two reads of a request's body, or until a stalled client takes more.",
                  "30s; sidecar 60s", {"1ms", "1d"}),
          not_on_a_route(timeout("keepAlive", "Between two requests of a client's connection.", "60s; sidecar 300s",
                                 {"1ms", "1d", true})),
          timeout("connect", "To open a connection to an endpoint.", "2s; sidecar 1s", {"1ms", "1h"}),
          timeout("upstreamIdle", "How long an unused connection to an endpoint is kept; 0s: not at all.", "4s",
                  {"0s", "1d", true}),
          timeout("responseHeader", "From the end of the request to the head of the response.", "300s; sidecar none",
                  {"1ms", "1d", true}),
          timeout("responseIdle", "Between two reads of a response's body.", "300s; sidecar none", {"1ms", "1d", true}),
          timeout("total", "The whole request.", "none", {"1ms", "30d", true}),
          timeout("drain", "How long requests may go on at shutdown. The longest of all listeners and routes counts.",
                  "30s", {"0s", "1d"}),
          timeout("streamDrain",
                  "How long streams may go on at shutdown. The longest of all listeners and routes counts.", "300s",
                  {"0s", "30d", true}),
          timeout("drainDelay",
                  "How long to go on serving, not ready, before the listeners close. The longest of all listeners and "
                  "routes counts.",
                  "0s", {"0s", "1h"})}};
  return section;
}

const Section& limits() {
  static const Section section{
      .name = "limits",
      .sentence =
          "What a request, a response or a connection may take. Set on the file, a listener or a route; the "
          "inner one wins.",
      .keys = {
          not_on_a_route(size("requestLine", "The request line.", "8KiB", {"64B", "1MiB"})),
          not_on_a_route(size("field", "One field line of a request.", "16KiB", {"64B", "1MiB"})),
          not_on_a_route(size("fields", "All field lines of a request.", "60KiB", {"64B", "1MiB"})),
          not_on_a_route(count("fieldCount", "How many fields a request may have.", "100", "10000")),
          size("responseFields", "All field lines of a response.", "80KiB", {"64B", "1MiB"}),
          count("responseFieldCount", "How many fields a response may have.", "200", "10000"),
          size("body", "A request's body.", "64MiB; sidecar none", {"0B", "16384GiB", true}),
          size("buffer", "What is read ahead of a slow receiver, per connection and direction.", "32KiB; sidecar 64KiB",
               {"1KiB", "16MiB"}),
          not_on_a_route(
              count("connections", "Client connections of one listener.", "20000; sidecar 4096", "10000000")),
          on_the_file(count("upstreamConnections", "Connections to one version.", "1024", "10000000")),
          on_the_file(count("pending", "Requests of one version that wait for a connection.", "1024", "10000000"))}};
  return section;
}

const Section& secret() {
  static const Section section{
      .name = "secret",
      .sentence = "Where a secret is read from; it never stands in the file itself.",
      .keys = {{.name = "env", .sentence = "The environment variable that holds it."},
               {.name = "file", .sentence = "The file that holds it; the last line break is dropped."}},
      .one_of = true};
  return section;
}

const Section& listener() {
  static const Section section{
      .name = "listener",
      .sentence = "An address that clients connect to.",
      .keys = {{.name = "address",
                .kind = Kind::kAddress,
                .sentence =
                    "host:port, the host in digits; an empty host is every IPv4 address, [::] every IPv6 one alone.",
                .required = true},
               object("timeouts", "For this listener alone.", timeouts()),
               object("limits", "For this listener alone.", limits()),
               unsupported("tls", "TLS.")},
      .place = Place::kListener};
  return section;
}

const Section& admin() {
  static const Section section{.name = "admin",
                               .sentence = "The admin API, the metrics and the health pages.",
                               .keys = {{.name = "address",
                                         .kind = Kind::kAddress,
                                         .sentence = "host:port. Off loopback a token is required.",
                                         .fallback = "127.0.0.1:9901"},
                                        object("token", "What commands have to show.", secret())}};
  return section;
}

const Section& state() {
  static const Section section{
      .name = "state",
      .sentence = "Where rollouts are remembered.",
      .keys = {
          {.name = "path", .sentence = "The state file. One weir at a time may use it.", .fallback = "./weir.db"}}};
  return section;
}

const Section& key_source() {
  static const Section section{
      .name = "key source",
      .sentence = "One way to find whom a request comes from.",
      .keys = {{.name = "header", .kind = Kind::kFieldName, .sentence = "The value of this request header."},
               {.name = "cookie",
                .kind = Kind::kCookieName,
                .sentence = "A random id in this cookie, which the weir sets when it is missing."},
               unsupported("query", "A query parameter."),
               unsupported("apiKey", "An API key."),
               unsupported("clientAddress", "The client's address.")},
      .one_of = true};
  return section;
}

const Section& stickiness() {
  static const Section section{
      .name = "stickiness",
      .sentence =
          "What keeps a user on one version. The first entry of `by` that a request has is its key; a request "
          "with none is split at random.",
      .keys = {required(list("by", "Tried in order.", key_source())),
               word("scope", "How long an assignment holds. This version has `user`.", "user", {"user"})}};
  return section;
}

const Section& version() {
  static const Section section{
      .name = "version",
      .sentence = "One version of a service.",
      .keys = {
          {.name = "endpoints", .kind = Kind::kList, .sentence = "Where it runs: http://host:port.", .required = true},
          unsupported("healthCheck", "Active health checks.")}};
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
               object("stickiness", "Of the static split.", stickiness())}};
  return section;
}

const Section& header_match() {
  static const Section section{
      .name = "header match",
      .sentence = "Matches a request header; with a name alone, any value.",
      .keys = {{.name = "name", .kind = Kind::kFieldName, .sentence = "The header's name.", .required = true},
               {.name = "exact", .sentence = "The whole value."},
               {.name = "prefix", .sentence = "How the value begins."}}};
  return section;
}

const Section& route_match() {
  static const Section section{
      .name = "route match",
      .sentence = "Which requests a route takes; all that is given must match.",
      .keys = {{.name = "host", .kind = Kind::kHost, .sentence = "The host, without its port.", .fallback = "any"},
               {.name = "pathPrefix", .kind = Kind::kPath, .sentence = "How the path begins."},
               {.name = "pathExact", .kind = Kind::kPath, .sentence = "The whole path."},
               {.name = "method",
                .kind = Kind::kMethods,
                .sentence = "One method or several, in capitals.",
                .fallback = "any"},
               list("headers", "Headers that must match.", header_match())}};
  return section;
}

const Section& route() {
  static const Section section{
      .name = "route",
      .sentence = "Sends requests to a service. Routes are tried in order, and the first that matches wins.",
      .keys = {{.name = "name",
                .kind = Kind::kName,
                .sentence = "For metrics and logs.",
                .fallback = "route-1, route-2, …"},
               required(object("match", "Which requests it takes.", route_match())),
               {.name = "service", .sentence = "Where they go.", .required = true},
               object("timeouts", "For this route alone.", timeouts()),
               object("limits", "For this route alone.", limits()),
               word("onClientHalfClose", "What a client's FIN after its request means: answer it, or give up.",
                    "finish", {"finish", "cancel"})},
      .place = Place::kRoute};
  return section;
}

const Section& override_header() {
  static const Section section{
      .name = "override header",
      .sentence = "The header that chooses.",
      .keys = {{.name = "name", .kind = Kind::kFieldName, .sentence = "The header's name.", .required = true},
               {.name = "exact", .sentence = "The whole value.", .required = true}}};
  return section;
}

const Section& override_match() {
  static const Section section{.name = "override match",
                               .sentence = "Who chooses.",
                               .keys = {required(object("header", "The header that chooses.", override_header()))}};
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

const Section& step() {
  static const Section section{
      .name = "step",
      .sentence = "One entry of the steps: a weight, or what is waited for at the weight before it.",
      .keys = {{.name = "setWeight",
                .kind = Kind::kPercent,
                .sentence = "The candidate's share from here on.",
                .range = {"0", "100"}},
               object("hold", "Waits until the evidence allows the next step.", hold()),
               object("pause", "Waits for a time, or for a person.", pause())},
      .one_of = true};
  return section;
}

const Section& degradation() {
  static const Section section{
      .name = "allowedDegradation",
      .sentence = "How much worse than the baseline is acceptable: (1 + relative) x baseline + absolute.",
      .keys = {{.name = "relative",
                .kind = Kind::kShare,
                .sentence = "In proportion to the baseline.",
                .fallback = "0%",
                .range = {"0%", "1000%"}},
               {.name = "absolute",
                .kind = Kind::kDegradation,
                .sentence = "Beyond it: a percentage, for latency a duration.",
                .fallback = "0",
                .range = {"0%", "100%"},
                .time = {"0ms", "1h"}}}};
  return section;
}

const Section& guard() {
  static const Section section{
      .name = "guard",
      .sentence = "Compares the candidate with the baseline over the same seconds.",
      .keys = {required(word("metric", "What is compared.", {},
                             {"errorRate", "capacityRate", "clientErrorRate", "clientAbortRate", "latency"})),
               {.name = "quantile",
                .kind = Kind::kNumber,
                .sentence = "Of a latency: 0.5, 0.9, 0.99, or another with a margin of its own.",
                .fallback = "0.99",
                .range = {"0.01", "0.9999"}},
               {.name = "allowedDegradation",
                .kind = Kind::kObject,
                .sentence = "The margin.",
                .fallback = "the metric's own",
                .section = &degradation()},
               word("onGuardFail", "What is done when it fails.", "the analysis' own", {"rollback", "pause", "warn"}),
               {.name = "gate",
                .kind = Kind::kBoolean,
                .sentence = "Whether it has to pass before the rollout advances.",
                .fallback = "true"},
               {.name = "enabled",
                .kind = Kind::kBoolean,
                .sentence = "false takes a default guard away.",
                .fallback = "true"},
               unsupported("max", "A fixed ceiling."),
               unsupported("name", "Feedback."),
               unsupported("is", "Finish reasons."),
               unsupported("cap", "Means.")}};
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
               {.name = "holdback",
                .kind = Kind::kPercent,
                .sentence = "Stays on the baseline during the bake, as its comparison.",
                .fallback = "5%",
                .range = {"0", "50"}},
               list("guards", "Added to the default guards, or in place of the one of the same metric and quantile.",
                    guard()),
               word("onGuardFail", "What is done when a guard fails.", "rollback", {"rollback", "pause", "warn"}),
               unsupported("rescue", "Rescue.")}};
  return section;
}

const Section& rollout() {
  static const Section section{
      .name = "rollout",
      .sentence = "Moves a service from its baseline to its candidate. Its key is the service's name.",
      .keys = {{.name = "baseline", .sentence = "The version that serves now.", .required = true},
               {.name = "candidate", .sentence = "The version that is to serve.", .required = true},
               {.name = "revision", .sentence = "A free label; a new one is a new rollout.", .fallback = "empty"},
               {.name = "salt", .sentence = "What users are hashed with.", .fallback = "service/candidate/revision"},
               word("strategy", "This version has `canary`.", "canary", {"canary"}),
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
                .sentence = "Weights, and what is waited for at each.",
                .fallback = "1, 5, 25, 50 and 100 %",
                .section = &step()},
               {.name = "analysis",
                .kind = Kind::kObjectOrOff,
                .sentence = "How it is judged; `off`: not at all.",
                .section = &analysis()},
               unsupported("webhooks", "Webhooks.")}};
  return section;
}

}  // namespace

const Section& plan() {
  static const Section section{.name = "plan",
                               .sentence = "The whole file.",
                               .keys = {word("preset", "Where the weir stands: before many services, or beside one.",
                                             "edge", {"edge", "sidecar"}),
                                        count("workers", "Threads of the data plane.", "one per core", "1024"),
                                        {.name = "versionHeader",
                                         .kind = Kind::kBoolean,
                                         .sentence = "Whether replies carry x-weir-version.",
                                         .fallback = "true"},
                                        {.name = "via",
                                         .kind = Kind::kBoolean,
                                         .sentence = "Whether requests to endpoints carry Via (RFC 9110 7.6.3).",
                                         .fallback = "true"},
                                        required(list("listeners", "Addresses that clients connect to.", listener())),
                                        object("admin", "The admin API.", admin()),
                                        object("state", "Where rollouts are remembered.", state()),
                                        object("timeouts", "For all listeners and routes.", timeouts()),
                                        object("limits", "For all listeners and routes.", limits()),
                                        {.name = "services",
                                         .kind = Kind::kMap,
                                         .sentence = "What is served, by name.",
                                         .required = true,
                                         .section = &service(),
                                         .names = true},
                                        required(list("routes", "Which requests go where.", route())),
                                        {.name = "rollouts",
                                         .kind = Kind::kMap,
                                         .sentence = "What is being rolled out, by service.",
                                         .section = &rollout()}},
                               .place = Place::kFile};
  return section;
}

}  // namespace weir::config
