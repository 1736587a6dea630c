// The keys of a webhook.
#include "config/keys.h"

namespace weir::config::keys {

const Section& webhook() {
  static const Section section{
      .name = "webhook",
      .sentence = "Is told by a POST of JSON what the rollout does, or asked whose answer is better. Nothing waits for it.",
      .keys = {
          required(word("type",
                        "When it is told: `event`, of every decision; `judge`, of requests that were copied, with both "
                        "versions' answers.",
                        {}, {"event", "judge"})),
          {.name = "url",
           .sentence = "Where: http://host:port/path or https://host/path. With https, the certificate has to be "
                       "one that the system's authorities vouch for. Redirects are not followed.",
           .required = true},
          {.name = "name",
           .kind = Kind::kName,
           .sentence = "What metrics and logs call it. What waits for it goes on through a reload that keeps "
                       "the name.",
           .fallback = "webhook-N, N its place"},
          timeout("timeout", "For one attempt, from the connection to the head of the answer.", "5s", {"10ms", "1m"}),
          {.name = "retries",
           .kind = Kind::kCount,
           .sentence = "How often it is tried again when nobody answers, or 408, 429 or 5xx: after 1s, then twice "
                       "as long each time, up to 1m. Any other answer but 2xx ends it at once.",
           .fallback = "5",
           .range = {"0", "100"}},
          size("body", "`judge`: so much of the request and of either answer is sent.", "64KiB", {"1B", "1MiB"}),
          object("secret",
                 "Signs what is sent: x-weir-signature is sha256= and the HMAC-SHA256 of the body in hex digits.",
                 secret())}};
  return section;
}

}  // namespace weir::config::keys
