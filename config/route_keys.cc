// The keys of a route.
#include "config/inspect.h"
#include "config/keys.h"

namespace weir::config::keys {
namespace {

// What is asked of a value, whatever it is the value of.
Section value_match(std::string_view name, std::string_view sentence) {
  return {.name = name,
          .sentence = sentence,
          .keys = {{.name = "exact", .sentence = "The whole value."},
                   {.name = "prefix", .sentence = "How the value begins."},
                   {.name = "regex", .kind = Kind::kPattern, .sentence = "What the whole value has to match."},
                   {.name = "absent",
                    .kind = Kind::kBoolean,
                    .sentence = "Whether there must be none instead.",
                    .fallback = "false"}}};
}

Section value_match(std::string_view name, std::string_view sentence, Key named) {
  Section section = value_match(name, sentence);
  named.name = "name";
  named.required = true;
  section.keys.insert(section.keys.begin(), std::move(named));
  return section;
}

const Section& header_match() {
  static const Section section =
      value_match("header match", "Matches a request header, any of its lines; with a name alone, any value.",
                  {.kind = Kind::kFieldName, .sentence = "The header's name."});
  return section;
}

const Section& query_match() {
  static const Section section = value_match(
      "query match",
      "Matches the first parameter of that name in the query; with a name alone, any value. Names and values are "
      "percent-decoded before they are compared; + is itself.",
      {.sentence = "The parameter's name."});
  return section;
}

const Section& cookie_match() {
  static const Section section =
      value_match("cookie match", "Matches the first cookie of that name; with a name alone, any value.",
                  {.kind = Kind::kCookieName, .sentence = "The cookie's name."});
  return section;
}

const Section& model_match() {
  static const Section section =
      value_match("model match",
                  "Matches the model that a JSON request asks for, `model` at the top of its body; with nothing said, "
                  "any. The body is held meanwhile, up to `limits.lookahead`: a model that is not found in so much of "
                  "it is none.");
  return section;
}

const Section& route_match() {
  static const Section section{
      .name = "route match",
      .sentence = "Which requests a route takes; all that is given must match.",
      .keys = {{.name = "host",
                .kind = Kind::kHostRule,
                .sentence = "The host, without its port; *.example.com is every host below example.com, at any depth.",
                .fallback = "any"},
               {.name = "pathPrefix", .kind = Kind::kPath, .sentence = "How the path begins."},
               {.name = "pathExact", .kind = Kind::kPath, .sentence = "The whole path."},
               {.name = "pathRegex", .kind = Kind::kPattern, .sentence = "What the whole path has to match."},
               {.name = "method",
                .kind = Kind::kMethods,
                .sentence = "One method or several, in capitals.",
                .fallback = "any"},
               list("headers", "Headers that must match.", header_match()),
               list("query", "Query parameters that must match.", query_match()),
               list("cookies", "Cookies that must match.", cookie_match()),
               object("model", "The model that must be asked for.", model_match())}};
  return section;
}

}  // namespace

const Section& route() {
  static const Section section{
      .name = "route",
      .sentence =
          "Sends requests to a service, or answers them. Routes are tried in order, and the first that matches wins.",
      .keys = {{.name = "name",
                .kind = Kind::kName,
                .sentence = "For metrics and logs.",
                .fallback = "route-1, route-2, …"},
               required(object("match", "Which requests it takes.", route_match())),
               {.name = "service", .sentence = "Where they go; this, `redirect` or `respond`."},
               object("redirect", "Where the client is led instead.", redirect()),
               object("respond", "What the weir answers instead.", respond()),
               allow("The client addresses that are taken, as 10.0.0.0/8; others are answered 403."),
               deny("The client addresses that are answered 403, whatever `allow` says."),
               object("apiKeys", "Who has to show a key.", api_keys()),
               object("rateLimit", "How many requests it takes.", rate_limit()),
               object("rewrite", "What the service is asked for instead.", rewrite()),
               object("requestHeaders", "Changes in what the service is sent.", header_edits()),
               object("responseHeaders", "Changes in what the client is sent, the weir's own answers included.",
                      header_edits()),
               object("timeouts", "For this route alone.", timeouts()),
               object("limits", "For this route alone.", limits()),
               object("retries", "For this route alone.", retries()),
               word("onClientHalfClose",
                    "What it means when a client ends its side behind a whole request: it has gone away, so that what "
                    "is done for it ends (cancel); or it sends no more and still reads, and is answered (finish). "
                    "finish is for clients that shut down their side and wait, such as nc -N; those that give up are "
                    "then served to the end.",
                    "cancel", {"cancel", "finish"}),
               word("inspect",
                    "Whose words the answers are read in, as they pass: for errors inside a 200, answers that break "
                    "off, tokens, time to first output. Origins are asked not to compress. auto: whichever it is.",
                    "off", {kInspectWords.begin(), kInspectWords.end()}),
               word("includeUsage",
                    "Whether streams of the OpenAI kind are asked for their tokens (stream_options.include_usage) where "
                    "the client has not: it does not get the chunk that says them. Only with inspect: openai or auto. "
                    "auto: where prices, or a guard of tokens or cost, have a use for them.",
                    "auto", {kIncludeUsageWords.begin(), kIncludeUsageWords.end()}),
               word("streamHead",
                    "When the head of a streamed answer goes to the client: as soon as it comes (atOnce), or with the "
                    "first event (firstEvent). A stream that begins with an error is then a 502, or a 503 where the "
                    "server had no room, which `retries` and `rescue` may answer. Only where there is `inspect`.",
                    "atOnce", {kStreamHeadWords.begin(), kStreamHeadWords.end()})},
      .place = Place::kRoute};
  return section;
}

}  // namespace weir::config::keys
