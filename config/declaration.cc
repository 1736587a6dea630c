#include "config/declaration.h"

#include <algorithm>
#include <numeric>

namespace weir::config {
namespace {

const Section& timeouts() {
  static const Section section{
      "timeouts",
      "How long each part of an exchange may take. Set on the file, a listener or a route; the inner one wins.",
      {{"header", Kind::kDuration, "From the first byte of a request to the end of its head.", "10s; sidecar 30s"},
       {"bodyIdle", Kind::kDuration, "Between two reads of a request's body, or until a stalled client takes more.",
        "30s; sidecar 60s"},
       {"keepAlive", Kind::kDuration, "Between two requests of a client's connection.", "60s; sidecar 300s"},
       {"connect", Kind::kDuration, "To open a connection to an endpoint.", "2s; sidecar 1s"},
       {"upstreamIdle", Kind::kDuration, "How long an unused connection to an endpoint is kept.", "4s"},
       {"responseHeader", Kind::kDuration, "From the end of the request to the head of the response.",
        "300s; sidecar none"},
       {"responseIdle", Kind::kDuration, "Between two reads of a response's body.", "300s; sidecar none"},
       {"total", Kind::kDuration, "The whole request.", "none"},
       {"drain", Kind::kDuration, "How long requests may go on at shutdown.", "30s"},
       {"streamDrain", Kind::kDuration, "How long streams may go on at shutdown.", "300s"},
       {"drainDelay", Kind::kDuration, "How long to go on serving, not ready, before the listeners close.", "0s"}}};
  return section;
}

const Section& limits() {
  static const Section section{
      "limits",
      "What a request, a response or a connection may take. Set on the file, a listener or a route; the inner one "
      "wins.",
      {{"requestLine", Kind::kSize, "The request line.", "8KiB"},
       {"field", Kind::kSize, "One field line of a request.", "16KiB"},
       {"fields", Kind::kSize, "All field lines of a request.", "60KiB"},
       {"fieldCount", Kind::kCount, "How many fields a request may have.", "100"},
       {"responseFields", Kind::kSize, "All field lines of a response.", "80KiB"},
       {"responseFieldCount", Kind::kCount, "How many fields a response may have.", "200"},
       {"body", Kind::kSize, "A request's body.", "64MiB; sidecar none"},
       {"buffer", Kind::kSize, "What is read ahead of a slow receiver, per connection and direction.",
        "32KiB; sidecar 64KiB"},
       {"connections", Kind::kCount, "Client connections of one listener.", "20000; sidecar 4096"},
       {"upstreamConnections", Kind::kCount, "Connections to one version.", "1024"},
       {"pending", Kind::kCount, "Requests of one version that wait for a connection.", "1024"}}};
  return section;
}

const Section& secret() {
  static const Section section{"secret",
                               "Where a secret is read from; it never stands in the file itself.",
                               {{"env", Kind::kString, "The environment variable that holds it."},
                                {"file", Kind::kString, "The file that holds it; the last line break is dropped."}},
                               true};
  return section;
}

const Section& listener() {
  static const Section section{
      "listener",
      "An address that clients connect to.",
      {{"address",
        Kind::kString,
        "host:port, the host in digits; an empty host is every IPv4 address, [::] every IPv6 one.",
        {},
        true},
       {"timeouts", Kind::kObject, "For this listener alone.", {}, false, &timeouts()},
       {"limits", Kind::kObject, "For this listener alone.", {}, false, &limits()},
       {"tls", Kind::kUnsupported, "TLS."}}};
  return section;
}

const Section& admin() {
  static const Section section{
      "admin",
      "The admin API, the metrics and the health pages.",
      {{"address", Kind::kString, "host:port. Off loopback a token is required.", "127.0.0.1:9901"},
       {"token", Kind::kObject, "What commands have to show.", {}, false, &secret()}}};
  return section;
}

const Section& state() {
  static const Section section{
      "state",
      "Where rollouts are remembered.",
      {{"path", Kind::kString, "The state file. One weir at a time may use it.", "./weir.db"}}};
  return section;
}

const Section& key_source() {
  static const Section section{
      "key source",
      "One way to find whom a request comes from.",
      {{"header", Kind::kString, "The value of this request header."},
       {"cookie", Kind::kString, "A random id in this cookie, which the weir sets when it is missing."},
       {"query", Kind::kUnsupported, "A query parameter."},
       {"apiKey", Kind::kUnsupported, "An API key."},
       {"clientAddress", Kind::kUnsupported, "The client's address."}},
      true};
  return section;
}

const Section& stickiness() {
  static const Section section{"stickiness",
                               "What keeps a user on one version. The first entry of `by` that a request has is its "
                               "key; a request with none is split at random.",
                               {{"by", Kind::kList, "Tried in order.", {}, true, &key_source()},
                                {"scope",
                                 Kind::kWord,
                                 "How long an assignment holds. This version has `user`.",
                                 "user",
                                 false,
                                 nullptr,
                                 {"user"}}}};
  return section;
}

const Section& version() {
  static const Section section{"version",
                               "One version of a service.",
                               {{"endpoints", Kind::kList, "Where it runs: http://host:port.", {}, true},
                                {"healthCheck", Kind::kUnsupported, "Active health checks."}}};
  return section;
}

const Section& service() {
  static const Section section{
      "service",
      "Something that is served, in one or more versions.",
      {{"versions", Kind::kMap, "Its versions, by name.", {}, true, &version()},
       {"weights", Kind::kMap, "A static sticky split for a service without a rollout; sums to 100."},
       {"stickiness", Kind::kObject, "Of the static split.", {}, false, &stickiness()}}};
  return section;
}

const Section& header_match() {
  static const Section section{"header match",
                               "Matches a request header; with a name alone, any value.",
                               {{"name", Kind::kString, "The header's name.", {}, true},
                                {"exact", Kind::kString, "The whole value."},
                                {"prefix", Kind::kString, "How the value begins."}}};
  return section;
}

const Section& route_match() {
  static const Section section{"route match",
                               "Which requests a route takes; all that is given must match.",
                               {{"host", Kind::kString, "The host, without its port.", "any"},
                                {"pathPrefix", Kind::kString, "How the path begins."},
                                {"pathExact", Kind::kString, "The whole path."},
                                {"method", Kind::kStringOrList, "One method or several.", "any"},
                                {"headers", Kind::kList, "Headers that must match.", {}, false, &header_match()}}};
  return section;
}

const Section& route() {
  static const Section section{
      "route",
      "Sends requests to a service. Routes are tried in order, and the first that matches wins.",
      {{"name", Kind::kString, "For metrics and logs.", "route-1, route-2, …"},
       {"match", Kind::kObject, "Which requests it takes.", {}, true, &route_match()},
       {"service", Kind::kString, "Where they go.", {}, true},
       {"timeouts", Kind::kObject, "For this route alone.", {}, false, &timeouts()},
       {"limits", Kind::kObject, "For this route alone.", {}, false, &limits()},
       {"onClientHalfClose",
        Kind::kWord,
        "What a client's FIN after its request means: answer it, or give up.",
        "finish",
        false,
        nullptr,
        {"finish", "cancel"}}}};
  return section;
}

const Section& override_header() {
  static const Section section{"override header",
                               "The header that chooses.",
                               {{"name", Kind::kString, "The header's name.", {}, true},
                                {"exact", Kind::kString, "The whole value.", {}, true}}};
  return section;
}

const Section& override_match() {
  static const Section section{"override match",
                               "Who chooses.",
                               {{"header", Kind::kObject, "The header that chooses.", {}, true, &override_header()}}};
  return section;
}

const Section& override_rule() {
  static const Section section{
      "override",
      "Lets a request choose its version. Such requests are served, counted apart, and never evidence.",
      {{"match", Kind::kObject, "What the request has to say.", {}, true, &override_match()},
       {"version", Kind::kString, "The version it gets.", {}, true},
       {"from", Kind::kList, "The client addresses that may, as 10.0.0.0/8.", "anybody"}}};
  return section;
}

const Section& hold() {
  static const Section section{"hold",
                               "Waits in a step until the evidence allows the next one.",
                               {{"atLeast", Kind::kDuration, "Never shorter.", "2m"},
                                {"minRequests", Kind::kCount, "Judged candidate requests in the step.", "100"},
                                {"atMost", Kind::kDuration, "Longer than this, `onInconclusive` is done.", "6h"},
                                {"onInconclusive",
                                 Kind::kWord,
                                 "What is done for want of evidence.",
                                 "pause",
                                 false,
                                 nullptr,
                                 {"pause", "rollback"}}}};
  return section;
}

const Section& pause() {
  static const Section section{"pause",
                               "Waits for a time, or for a person.",
                               {{"duration", Kind::kDuration, "Without it: until `weir promote` or `weir resume`."}}};
  return section;
}

const Section& step() {
  static const Section section{
      "step",
      "One entry of the steps: a weight, or what is waited for at the weight before it.",
      {{"setWeight", Kind::kPercent, "The candidate's share from here on."},
       {"hold", Kind::kObject, "Waits until the evidence allows the next step.", {}, false, &hold()},
       {"pause", Kind::kObject, "Waits for a time, or for a person.", {}, false, &pause()}},
      true};
  return section;
}

const Section& degradation() {
  static const Section section{
      "allowedDegradation",
      "How much worse than the baseline is acceptable: (1 + relative) x baseline + absolute.",
      {{"relative", Kind::kShare, "In proportion to the baseline.", "0%"},
       {"absolute", Kind::kDegradation, "Beyond it: a percentage, for latency a duration.", "0"}}};
  return section;
}

const Section& guard() {
  static const Section section{
      "guard",
      "Compares the candidate with the baseline over the same seconds.",
      {{"metric",
        Kind::kWord,
        "What is compared.",
        {},
        true,
        nullptr,
        {"errorRate", "capacityRate", "clientErrorRate", "clientAbortRate", "latency"}},
       {"quantile", Kind::kNumber, "Of a latency: 0.5, 0.9, 0.99, or another with a margin of its own.", "0.99"},
       {"allowedDegradation", Kind::kObject, "The margin.", "the metric's own", false, &degradation()},
       {"onGuardFail",
        Kind::kWord,
        "What is done when it fails.",
        "the analysis' own",
        false,
        nullptr,
        {"rollback", "pause", "warn"}},
       {"gate", Kind::kBoolean, "Whether it has to pass before the rollout advances.", "true"},
       {"enabled", Kind::kBoolean, "false takes a default guard away.", "true"},
       {"max", Kind::kUnsupported, "A fixed ceiling."},
       {"name", Kind::kUnsupported, "Feedback."},
       {"is", Kind::kUnsupported, "Finish reasons."},
       {"cap", Kind::kUnsupported, "Means."}}};
  return section;
}

const Section& analysis() {
  static const Section section{
      "analysis",
      "How the rollout is judged. The default guards are errorRate, capacityRate, clientErrorRate, clientAbortRate and "
      "the latency's 0.99 quantile.",
      {{"maxFalseRollback", Kind::kShare, "How often a good candidate may be rolled back, per rollout-day.", "1%"},
       {"maxFalseAdvance", Kind::kShare, "How often a bad one may advance, per step and gate.", "5%"},
       {"holdback", Kind::kPercent, "Stays on the baseline during the bake, as its comparison.", "5%"},
       {"guards",
        Kind::kList,
        "Added to the default guards, or in place of the one of the same metric and quantile.",
        {},
        false,
        &guard()},
       {"onGuardFail",
        Kind::kWord,
        "What is done when a guard fails.",
        "rollback",
        false,
        nullptr,
        {"rollback", "pause", "warn"}},
       {"rescue", Kind::kUnsupported, "Rescue."}}};
  return section;
}

const Section& rollout() {
  static const Section section{
      "rollout",
      "Moves a service from its baseline to its candidate. Its key is the service's name.",
      {{"baseline", Kind::kString, "The version that serves now.", {}, true},
       {"candidate", Kind::kString, "The version that is to serve.", {}, true},
       {"revision", Kind::kString, "A free label; a new one is a new rollout.", "empty"},
       {"salt", Kind::kString, "What users are hashed with.", "service/candidate/revision"},
       {"strategy", Kind::kWord, "This version has `canary`.", "canary", false, nullptr, {"canary"}},
       {"stickiness", Kind::kObject, "What keeps a user on one version.", "every request is split at random", false,
        &stickiness()},
       {"overrides", Kind::kList, "Who may choose a version.", "nobody", false, &override_rule()},
       {"steps", Kind::kList, "Weights, and what is waited for at each.", "1, 5, 25, 50 and 100 %", false, &step()},
       {"analysis", Kind::kObjectOrOff, "How it is judged; `off`: not at all.", {}, false, &analysis()},
       {"webhooks", Kind::kUnsupported, "Webhooks."}}};
  return section;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace

const Key* Section::find(std::string_view key) const {
  const auto at = std::find_if(keys.begin(), keys.end(), [&](const Key& known) { return known.name == key; });
  return at == keys.end() ? nullptr : &*at;
}

const Section& plan() {
  static const Section section{
      "plan",
      "The whole file.",
      {{"preset",
        Kind::kWord,
        "Where the weir stands: before many services, or beside one.",
        "edge",
        false,
        nullptr,
        {"edge", "sidecar"}},
       {"workers", Kind::kCount, "Threads of the data plane.", "one per core"},
       {"versionHeader", Kind::kBoolean, "Whether replies carry x-weir-version.", "true"},
       {"listeners", Kind::kList, "Addresses that clients connect to.", {}, true, &listener()},
       {"admin", Kind::kObject, "The admin API.", {}, false, &admin()},
       {"state", Kind::kObject, "Where rollouts are remembered.", {}, false, &state()},
       {"timeouts", Kind::kObject, "For all listeners and routes.", {}, false, &timeouts()},
       {"limits", Kind::kObject, "For all listeners and routes.", {}, false, &limits()},
       {"services", Kind::kMap, "What is served, by name.", {}, true, &service()},
       {"routes", Kind::kList, "Which requests go where.", {}, true, &route()},
       {"rollouts", Kind::kMap, "What is being rolled out, by service.", {}, false, &rollout()}}};
  return section;
}

std::vector<const Section*> sections() {
  std::vector<const Section*> found{&plan()};
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const Key& key : found[i]->keys) {
      const bool known = std::find(found.begin(), found.end(), key.section) != found.end();
      if (key.section != nullptr && !known) found.push_back(key.section);
    }
  }
  return found;
}

std::string_view nearest_key(const Section& section, std::string_view name) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const Key& key : section.keys) {
    const std::size_t apart = distance(lower(name), lower(key.name));
    if (apart < least && key.kind != Kind::kUnsupported) {
      least = apart;
      best = key.name;
    }
  }
  return best;
}

std::string expectation(const Key& key) {
  switch (key.kind) {
    case Kind::kString:
      return "a text";
    case Kind::kBoolean:
      return "true or false";
    case Kind::kCount:
      return "a whole number, at least 1";
    case Kind::kDuration:
      return "a duration with a unit (ms, s, m, h, d), such as 30s";
    case Kind::kSize:
      return "a size with a unit (B, KiB, MiB, GiB), such as 64KiB";
    case Kind::kPercent:
      return "a percentage from 0 to 100, in steps of 0.0001";
    case Kind::kShare:
      return "a percentage with its sign, such as 10%";
    case Kind::kNumber:
      return "a number between 0 and 1";
    case Kind::kDegradation:
      return "a percentage such as 0.1%, or for latency a duration such as 5ms";
    case Kind::kWord: {
      std::string words = "one of";
      for (const std::string_view word : key.words)
        words += std::string(words.size() > 6 ? ", " : " ") + std::string(word);
      return words;
    }
    case Kind::kObject:
      return "keys and values";
    case Kind::kObjectOrOff:
      return "keys and values, or off";
    case Kind::kList:
      return "a list";
    case Kind::kStringOrList:
      return "a text or a list of texts";
    case Kind::kMap:
      return "names and values";
    case Kind::kUnsupported:
      break;
  }
  return "nothing: this version does not have it yet";
}

}  // namespace weir::config
