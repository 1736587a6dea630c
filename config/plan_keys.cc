// The keys that stand at the plan's margin, and those of what a plan has once.
#include "config/keys.h"

namespace weir::config {
namespace keys {
namespace {

const Section& admin() {
  static const Section section{
      .name = "admin",
      .sentence = "The admin API, the metrics and the health pages.",
      .keys = {{.name = "address",
                .kind = Kind::kAddress,
                .sentence = "host:port. Off loopback a token is required.",
                .fallback = "127.0.0.1:9901"},
               object("token", "What commands have to show, at least 16 bytes of it.", secret())}};
  return section;
}

const Section& tracing() {
  static const Section section{
      .name = "tracing",
      .sentence =
          "What becomes of a request that belongs to no trace yet (W3C Trace Context). One that does goes on in it.",
      .keys = {
          {.name = "begin",
           .kind = Kind::kBoolean,
           .sentence = "Whether a trace begins with it: it gets a traceparent. `false` leaves that to the endpoint.",
           .fallback = "true"},
          {.name = "sampled",
           .kind = Kind::kPercent,
           .sentence = "How many of these traces endpoints are told to record. Samplers that follow their parent "
                       "(OpenTelemetry's default) record so many and no others.",
           .fallback = "100%",
           .range = {"0", "100"}}}};
  return section;
}

const Section& state() {
  static const Section section{
      .name = "state",
      .sentence = "Where rollouts are remembered.",
      .keys = {
          {.name = "path", .sentence = "The state file. One weir at a time may use it.", .fallback = "./weir.db"},
          size(
              "records",
              "How much is kept of what each tick counted, for `weir replay`, in the folder beside the state file that "
              "is called after it: `weir.db.records`. The oldest goes first; 0B keeps nothing.",
              "1GiB", {"0B", "1024GiB"})}};
  return section;
}

const Section& feedback() {
  static const Section section{
      .name = "feedback",
      .sentence = "Scores that are posted of answers (POST /v1/feedback, on admin), and what is kept for a day of the "
                  "requests that they may be about: those to services whose rollout has a guard of feedback.",
      .keys = {size("memory",
                    "How much. 96 bytes a request: the oldest make room. It is kept in a file beside the state file, "
                    "`weir.db.joins`, and survives a restart unless its size is changed.",
                    "256MiB", {"1MiB", "6GiB"}),
               {.name = "sample",
                .kind = Kind::kPercent,
                .sentence = "How many of them, sessions in whole; scores of others are unknown.",
                .fallback = "100%",
                .range = {"0", "100"}},
               {.name = "address",
                .kind = Kind::kAddress,
                .sentence = "host:port where scores are taken too, and nothing else is. Off loopback a token is required.",
                .fallback = "admin alone"},
               object("token", "What posts to that address have to show, at least 16 bytes of it.", secret())}};
  return section;
}

}  // namespace

const Section& secret() {
  static const Section section{
      .name = "secret",
      .sentence = "Where a secret is read from; it never stands in the file itself.",
      .keys = {{.name = "env", .sentence = "The environment variable that holds it."},
               {.name = "file", .sentence = "The file that holds it; the last line break is dropped."}},
      .one_of = true};
  return section;
}

}  // namespace keys

const Section& plan() {
  using namespace keys;
  static const Section section{
      .name = "plan",
      .sentence = "The whole file.",
      .keys = {word("preset", "Where the weir stands: before many services, or beside one.", "edge",
                    {"edge", "sidecar"}),
               count("workers", "Threads of the data plane.", "one per core", "1024"),
               {.name = "versionHeader",
                .kind = Kind::kBoolean,
                .sentence = "Whether replies carry x-weir-version.",
                .fallback = "true"},
               {.name = "via",
                .kind = Kind::kBoolean,
                .sentence = "Whether requests to endpoints carry Via (RFC 9110 7.6.3).",
                .fallback = "true"},
               {.name = "forwarded",
                .kind = Kind::kBoolean,
                .sentence = "Whether they carry Forwarded (RFC 7239) beside X-Forwarded-*.",
                .fallback = "false"},
               object("tracing", "Requests that belong to no trace yet.", tracing()),
               object("accessLog", "One line a request. Without it none is written.", access_log()),
               required(list("listeners", "Addresses that clients connect to.", listener())),
               object("admin", "The admin API.", admin()),
               object("state", "Where rollouts are remembered.", state()),
               object("feedback", "Scores that are posted of answers.", feedback()),
               object("dns", "How the names of endpoints are looked up.", dns()),
               object("timeouts", "For all listeners and routes.", timeouts()),
               object("limits", "For all listeners and routes.", limits()),
               object("retries", "For all listeners and routes.", retries()),
               object("paths", "For all listeners.", paths()),
               trusted_hops("nobody; a sidecar passes on what anybody says"),
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
