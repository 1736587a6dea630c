// The keys of a listener.
#include "config/keys.h"

namespace weir::config::keys {

const Section& listener() {
  static const Section section{
      .name = "listener",
      .sentence = "An address that clients connect to.",
      .keys = {{.name = "address",
                .kind = Kind::kAddress,
                .sentence =
                    "host:port, the host in digits; an empty host is every IPv4 address, [::] every IPv6 one alone.",
                .required = true},
               object("timeouts", "For this listener alone.", timeouts()),
               object("limits", "For this listener alone.", limits()),
               unsupported("tls", "TLS.")},
      .place = Place::kListener};
  return section;
}

}  // namespace weir::config::keys
