// The keys of how names are looked up.
#include "config/keys.h"

namespace weir::config::keys {

const Section& dns() {
  static const Section section{
      .name = "dns",
      .sentence =
          "How the names of endpoints are looked up: in /etc/hosts, then by DNS. Each address of a name is an endpoint "
          "of its own, and a name is asked for again when its TTL has passed.",
      .keys = {{.name = "servers",
                .kind = Kind::kList,
                .sentence = "The DNS servers, by their addresses: 10.0.0.2, 10.0.0.2:5353 or [2001:db8::1]:53. At "
                            "most 8, each tried when the one before does not answer.",
                .fallback = "those of /etc/resolv.conf"},
               word("family", "Which of a name's addresses are used.", "both", {"both", "ipv4", "ipv6"}),
               {.name = "minTtl",
                .kind = Kind::kDuration,
                .sentence = "A shorter TTL is taken for this. An answer without one, or with 0, counts as 5s.",
                .fallback = "1s",
                .range = {"100ms", "1d"}},
               {.name = "maxTtl",
                .kind = Kind::kDuration,
                .sentence = "A longer TTL is taken for this.",
                .fallback = "5m",
                .range = {"100ms", "1d"}}}};
  return section;
}

}  // namespace weir::config::keys
