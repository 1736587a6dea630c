// The keys of retries and of a rescue.
#include "config/keys.h"

namespace weir::config::keys {
namespace {

Key flag(std::string_view name, std::string_view sentence, std::string_view fallback) {
  return {.name = name, .kind = Kind::kBoolean, .sentence = sentence, .fallback = fallback};
}

Key statuses(std::string_view fallback) {
  return {.name = "onStatus",
          .kind = Kind::kList,
          .sentence = "Statuses from 500 to 599 that are worth another try; of a POST only 503, but for nonIdempotent.",
          .fallback = fallback};
}

Key budget(std::string_view sentence) {
  return {.name = "budget", .kind = Kind::kShare, .sentence = sentence, .fallback = "20%", .range = {"0%", "100%"}};
}

Key whole_number(std::string_view name, std::string_view sentence, std::string_view fallback, Range range) {
  return {.name = name, .kind = Kind::kCount, .sentence = sentence, .fallback = fallback, .range = range};
}

}  // namespace

const Section& retries() {
  static const Section section{
      .name = "retries",
      .sentence =
          "When a request whose client has heard nothing yet is sent to its version once more, to another endpoint if "
          "there is one. Set on the file, a listener or a route; the inner one wins. A kept connection that turns out "
          "to be closed is no attempt, and needs none of this.",
      .keys = {whole_number("attempts", "How often, after the first; 0: never.", "1", {"0", "10"}),
               flag("onConnectFailure", "When the endpoint has seen nothing of it.", "true"),
               flag("onReset", "When the connection broke before a response, or what came is none.", "false"),
               flag("onTimeout", "When responseHeader has passed.", "false"), statuses({}),
               flag("nonIdempotent",
                    "Whether a POST goes out again after a reset, a timeout or a status other than 503, though it may "
                    "have been done.",
                    "false"),
               budget("Share of a version's requests under way, on each worker, that may be retries."),
               whole_number("minConcurrent", "That many may be, whatever the share.", "3", {"0", "1000000"}),
               size("body", "How much of a request's body is kept for it; a longer one is sent once.", "64KiB",
                    {"0B", "16MiB"})}};
  return section;
}

const Section& rescue() {
  static const Section section{
      .name = "rescue",
      .sentence =
          "Lets the baseline answer a request that the candidate has failed before its first byte went out. The "
          "candidate is judged by its failure all the same.",
      .keys = {
          statuses("[502, 503, 504]"),
          flag("onConnectFailure", "When no endpoint can be reached, or the candidate has no room for it.", "true"),
          flag("onReset", "When the connection broke before a response, or what came is none.", "true"),
          flag("onTimeout", "When responseHeader has passed.", "true"),
          flag("nonIdempotent",
               "Whether a POST is rescued after a reset, a timeout or a status other than 503, though it may have been "
               "done.",
               "false"),
          budget("Share of the service's requests under way, on each worker, that may be rescues."),
          whole_number("minConcurrent", "That many may be, whatever the share.", "3", {"0", "1000000"})}};
  return section;
}

}  // namespace weir::config::keys
