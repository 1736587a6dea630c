// The keys of a route's rate limit.
#include "config/keys.h"

namespace weir::config::keys {
namespace {

const Section& rate_key() {
  static const Section section{.name = "rate key",
                               .sentence = "What of a request is counted by itself.",
                               .keys = {{.name = "header",
                                         .kind = Kind::kFieldName,
                                         .sentence = "The value of this request header; without it, all together.",
                                         .required = true}}};
  return section;
}

}  // namespace

const Section& rate_limit() {
  static const Section section{
      .name = "rate limit",
      .sentence = "How many requests are taken; others are answered 429 with Retry-After. Counted in this process.",
      .keys = {
          required(count("requests", "So many, evenly.", {}, "1000000")),
          timeout("per", "In so much time.", "1s", {"1ms", "1d"}),
          count("burst", "So many at once, after a time without any; left out, as many as `requests`.", {}, "1000000"),
          {.name = "by",
           .kind = Kind::kWordOrObject,
           .sentence = "What is counted by itself: the route's requests together, those of one client address "
                       "(of IPv6 its first 64 bits), of one API key, or of one value of a header.",
           .fallback = "route",
           .section = &rate_key(),
           .words = {"route", "clientAddress", "apiKey"}}}};
  return section;
}

}  // namespace weir::config::keys
