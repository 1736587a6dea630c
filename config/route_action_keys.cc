// The keys of what a route does with what it has matched.
#include "config/keys.h"

namespace weir::config::keys {
namespace {

Key fields(std::string_view name, std::string_view sentence) {
  return {.name = name, .kind = Kind::kFields, .sentence = sentence};
}

}  // namespace

const Section& header_edits() {
  static const Section section{.name = "header edits",
                               .sentence =
                                   "Changes in the fields of a head, at most 32. Not to be changed are those that "
                                   "frame a message or speak of one "
                                   "connection, and those that the weir itself writes.",
                               .keys = {fields("set", "Names and values: in place of what there is."),
                                        fields("add", "Names and values: beside what there is."),
                                        {.name = "remove", .kind = Kind::kList, .sentence = "Names."}}};
  return section;
}

const Section& rewrite() {
  static const Section section{
      .name = "rewrite",
      .sentence = "What the service is asked for instead.",
      .keys = {{.name = "prefix",
                .kind = Kind::kPath,
                .sentence = "In place of the match's pathPrefix. The rest of the path is sent in its normal form, "
                            "the query as it came. A slash at the end of either does not count."},
               {.name = "host", .kind = Kind::kHost, .sentence = "In place of the request's host and port."}}};
  return section;
}

const Section& redirect() {
  static const Section section{
      .name = "redirect",
      .sentence = "Leads the client elsewhere; what is not given stays as it is, the query always. What is there already "
                  "goes on to the next route.",
      .keys = {{.name = "status",
                .kind = Kind::kCount,
                .sentence = "301, 302, 303, 307 or 308.",
                .fallback = "302",
                .range = {"301", "308"}},
               word("scheme", "http or https, at its own port unless `port` says another.",
                    "the request's, as a trusted hop says it", {"http", "https"}),
               {.name = "host",
                .kind = Kind::kHost,
                .sentence = "The host.",
                .fallback = "the request's, as a trusted hop says it"},
               {.name = "port",
                .kind = Kind::kCount,
                .sentence = "The port; left out, that of the scheme, or the request's.",
                .range = {"1", "65535"}},
               {.name = "path", .kind = Kind::kPath, .sentence = "In place of the whole path."},
               {.name = "prefix", .kind = Kind::kPath, .sentence = "In place of the match's pathPrefix."}}};
  return section;
}

const Section& respond() {
  static const Section section{
      .name = "respond",
      .sentence = "An answer of the weir's own.",
      .keys = {{.name = "status",
                .kind = Kind::kCount,
                .sentence = "Its status.",
                .fallback = "200",
                .range = {"200", "599"}},
               {.name = "body", .kind = Kind::kBody, .sentence = "Its body, at most 64 KiB.", .fallback = "empty"},
               {.name = "contentType", .sentence = "Of the body.", .fallback = "text/plain; charset=utf-8"}}};
  return section;
}

}  // namespace weir::config::keys
