// The keys of who may use a route.
#include "config/keys.h"

namespace weir::config::keys {
namespace {

const Section& api_key() {
  static const Section section{.name = "api key",
                               .sentence = "One key, and what its holder is called.",
                               .keys = {{.name = "name",
                                         .kind = Kind::kName,
                                         .sentence = "For stickiness by `apiKey`, rate limits and logs.",
                                         .required = true},
                                        required(object("key", "The key itself.", secret()))}};
  return section;
}

}  // namespace

const Section& api_keys() {
  static const Section section{
      .name = "api keys",
      .sentence = "Requests with one of these keys alone are taken; others are answered 401.",
      .keys = {{.name = "header",
                .kind = Kind::kFieldName,
                .sentence = "Where the key is; `authorization` means a bearer token (RFC 6750).",
                .fallback = "x-api-key"},
               required(list("keys", "The keys; at most 256.", api_key())),
               {.name = "forward",
                .kind = Kind::kBoolean,
                .sentence = "Whether the service sees the header.",
                .fallback = "false"}}};
  return section;
}

Key allow(std::string_view sentence) {
  return {.name = "allow", .kind = Kind::kList, .sentence = sentence, .fallback = "anybody"};
}

Key deny(std::string_view sentence) {
  return {.name = "deny", .kind = Kind::kList, .sentence = sentence, .fallback = "nobody"};
}

}  // namespace weir::config::keys
