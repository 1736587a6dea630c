// The keys of timeouts and limits. A bound is where a value stops to make sense, not where it stops to be wise.
#include "config/keys.h"

namespace weir::config::keys {
namespace {

Key count_or_none(std::string_view name, std::string_view sentence, std::string_view fallback) {
  return {
      .name = name, .kind = Kind::kCount, .sentence = sentence, .fallback = fallback, .range = {"1", "10000000", true}};
}

Key endpoint_connections(std::string_view fallback) {
  return count_or_none("endpointConnections", "Connections to one endpoint.", fallback);
}

Key endpoint_pending(std::string_view fallback) {
  return count_or_none("endpointPending",
                       "Requests that wait for a connection, for each endpoint that takes requests: with endpoints out "
                       "fewer may wait.",
                       fallback);
}

}  // namespace

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
      .keys = {not_on_a_route(size("requestLine", "The request line.", "8KiB", {"64B", "1MiB"})),
               not_on_a_route(size("field", "One field line of a request.", "16KiB", {"64B", "1MiB"})),
               not_on_a_route(size("fields", "All field lines of a request.", "60KiB", {"64B", "1MiB"})),
               not_on_a_route(count("fieldCount", "How many fields a request may have.", "100", "10000")),
               size("responseFields", "All field lines of a response.", "80KiB", {"64B", "1MiB"}),
               count("responseFieldCount", "How many fields a response may have.", "200", "10000"),
               size("body", "A request's body.", "64MiB; sidecar none", {"0B", "16384GiB", true}),
               not_on_a_route(size(
                   "lookahead",
                   "How much of a request's body is held to find in it what its route or its version goes by (`model`, "
                   "a key of `stickiness`, what `createdIds` remembers). What is not found in so much is taken not to be "
                   "there, and the rest is passed on as it comes.",
                   "1MiB", {"1KiB", "1GiB"})),
               size("buffer", "What is read ahead of a slow receiver, per connection and direction.",
                    "32KiB; sidecar 64KiB", {"1KiB", "16MiB"}),
               not_on_a_route(
                   count("connections", "Client connections of one listener.", "20000; sidecar 4096", "10000000")),
               count("upstreamConnections",
                     "Connections to one version. On a listener or a route: how many of them its requests may have at "
                     "the same time.",
                     "1024", "10000000"),
               count("pending",
                     "Requests of one version that wait for a connection. On a listener or a route: of its own "
                     "requests.",
                     "1024", "10000000"),
               on_the_file(endpoint_connections("none")), on_the_file(endpoint_pending("none")),
               on_the_file(
                   size("memory",
                        "What the buffers of all connections may take together. Above nine tenths of it new requests "
                        "and connections are answered 503.",
                        "half of what the machine or its container has", {"1MiB", "16384GiB", true}))}};
  return section;
}

const Section& version_limits() {
  static const Section section{
      .name = "version limits",
      .sentence = "What a version is sent at the same time. What is more waits, then is answered 503.",
      .keys = {count("upstreamConnections", "Connections to it.", "the file's", "10000000"),
               count("pending", "Requests that wait for one of these.", "the file's", "10000000"),
               endpoint_connections("the file's"), endpoint_pending("the file's")}};
  return section;
}

}  // namespace weir::config::keys
