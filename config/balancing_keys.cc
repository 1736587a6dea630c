// The keys of how a version's endpoints are chosen and left out.
#include "config/keys.h"

namespace weir::config::keys {

const Section& load_balancing() {
  static const Section section{
      .name = "load balancing",
      .sentence =
          "Which endpoint of a version takes a request. `leastRequest`: the less loaded of two drawn at random; "
          "`roundRobin`: one after the other; `hash`: always the same one for the same key, unless it is busy. Loads "
          "are counted by each worker for itself.",
      .keys = {word("policy", "How one is chosen.", "leastRequest", {"leastRequest", "roundRobin", "hash"}),
               list("by",
                    "The key of `hash`: the first of these that a request has. One that has none goes to the less "
                    "loaded of two. A cookie may have any value, and is not set.",
                    key_source()),
               {.name = "maxLoad",
                .kind = Kind::kShare,
                .sentence = "What an endpoint takes before `hash` goes on to a key's next one, of the mean load.",
                .fallback = "125%",
                .range = {"100%", "1000%"}},
               timeout("slowStart",
                       "How long an endpoint that came to a version that is served, or back into it, takes less than "
                       "its share: a tenth at first, then more with time.",
                       "0s", {"0s", "1h"})}};
  return section;
}

const Section& outlier() {
  static const Section section{
      .name = "outlier",
      .sentence =
          "When an endpoint is left out for what its requests show: connections that fail or break, responses that do "
          "not begin in time, 502, 503 and 504. A 503 with Retry-After is capacity, and no failure. All workers count "
          "together. When all endpoints of a version are out, all are used.",
      .keys = {
          count("consecutiveFailures", "How many in a row leave it out. A row that began more than 10 s ago begins anew.", "5",
                "1000"),
          timeout("ejection", "How long it stays out: so long the first time, twice as long the second.", "30s",
                  {"1ms", "1d"}),
          timeout("maxEjection", "The longest that it stays out. An endpoint that has been in for so long begins anew.",
                  "300s", {"1ms", "7d"}),
          {.name = "maxEjected",
           .kind = Kind::kShare,
           .sentence = "How many of a version's endpoints may be out at once for this reason.",
           .fallback = "50%",
           .range = {"0%", "100%"}}}};
  return section;
}

const Section& health_check() {
  static const Section section{
      .name = "health check",
      .sentence =
          "Asks each endpoint of a version, on a connection of its own, whether it is well; one that is not gets no "
          "requests. One prober asks for all workers. At the start an endpoint counts as well. When all endpoints of a "
          "version are out, all are used.",
      .keys = {
          word("type", "`http` sends a GET, `tcp` only opens a connection.", "http", {"http", "tcp"}),
          {.name = "path", .sentence = "What is asked for, perhaps with a query.", .fallback = "/"},
          {.name = "host", .kind = Kind::kHost, .sentence = "The Host of the request, if not the endpoint's own."},
          {.name = "expect", .sentence = "The statuses of one that is well: one, or a range.", .fallback = "200-399"},
          timeout("interval", "From one check to the next.", "2s", {"10ms", "1h"}),
          timeout("timeout", "How long one may take, its connection included. At most the interval.", "1s",
                  {"10ms", "1h"}),
          {.name = "jitter",
           .kind = Kind::kShare,
           .sentence = "By how much of it the interval varies, so that not all are asked at once.",
           .fallback = "10%",
           .range = {"0%", "50%"}},
          count("fall", "Checks that fail in a row before an endpoint is out.", "3", "1000"),
          count("rise", "Checks that succeed in a row before it is back.", "2", "1000")}};
  return section;
}

}  // namespace weir::config::keys
