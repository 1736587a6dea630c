// The keys of the access log.
#include "config/access_log.h"
#include "config/keys.h"

namespace weir::config::keys {

const Section& access_log() {
  static const std::string kFormat =
      "`json`: one object a line, with every field that has a value. Or text with fields in it, such as \"%client% "
      "\\\"%method% %path%\\\" %status%\": `-` stands for no value, %% for a percent sign. The fields are " +
      log_field_names() + ".";
  static const Section section{
      .name = "access log",
      .sentence = "One line a request, whatever became of it.",
      .keys = {required({.name = "path", .sentence = "The file, which is appended to; - is standard output."}),
               {.name = "format", .sentence = kFormat, .fallback = "json"},
               {.name = "headers",
                .kind = Kind::kList,
                .sentence = "Request headers that a json line has too, as \"header:NAME\".",
                .fallback = "none"},
               {.name = "redact",
                .kind = Kind::kList,
                .sentence =
                    "Names of headers and query parameters whose values are secrets, beside those that look so: "
                    "authorization, cookie, key, token, password, signature, session and the like.",
                .fallback = "none"},
               {.name = "sample",
                .kind = Kind::kPercent,
                .sentence = "How many requests have a line. One that failed, or was answered with 5xx, always has.",
                .fallback = "100%",
                .range = {"0", "100"}}},
      .place = Place::kFile};
  return section;
}

}  // namespace weir::config::keys
