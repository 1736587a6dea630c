// The keys of a route.
#include "config/keys.h"

namespace weir::config::keys {
namespace {

const Section& header_match() {
  static const Section section{
      .name = "header match",
      .sentence = "Matches a request header; with a name alone, any value.",
      .keys = {{.name = "name", .kind = Kind::kFieldName, .sentence = "The header's name.", .required = true},
               {.name = "exact", .sentence = "The whole value."},
               {.name = "prefix", .sentence = "How the value begins."}}};
  return section;
}

const Section& route_match() {
  static const Section section{
      .name = "route match",
      .sentence = "Which requests a route takes; all that is given must match.",
      .keys = {{.name = "host", .kind = Kind::kHost, .sentence = "The host, without its port.", .fallback = "any"},
               {.name = "pathPrefix", .kind = Kind::kPath, .sentence = "How the path begins."},
               {.name = "pathExact", .kind = Kind::kPath, .sentence = "The whole path."},
               {.name = "method",
                .kind = Kind::kMethods,
                .sentence = "One method or several, in capitals.",
                .fallback = "any"},
               list("headers", "Headers that must match.", header_match())}};
  return section;
}

}  // namespace

const Section& route() {
  static const Section section{
      .name = "route",
      .sentence = "Sends requests to a service. Routes are tried in order, and the first that matches wins.",
      .keys = {{.name = "name",
                .kind = Kind::kName,
                .sentence = "For metrics and logs.",
                .fallback = "route-1, route-2, …"},
               required(object("match", "Which requests it takes.", route_match())),
               {.name = "service", .sentence = "Where they go.", .required = true},
               object("timeouts", "For this route alone.", timeouts()),
               object("limits", "For this route alone.", limits()),
               word("onClientHalfClose", "What a client's FIN after its request means: answer it, or give up.",
                    "finish", {"finish", "cancel"})},
      .place = Place::kRoute};
  return section;
}

}  // namespace weir::config::keys
