// The keys of a listener.
#include "config/keys.h"

namespace weir::config::keys {

const Section& paths() {
  static const Section section{
      .name = "paths",
      .sentence =
          "How slashes are read that servers do not agree on, before a route is looked for: kept as they are, refused "
          "with 400, or merged into the one slash that many servers make of them. What is sent on is the path as it "
          "came.",
      .keys = {word("doubleSlash", "Two slashes and more, one after another.", "keep", {"keep", "reject", "merge"}),
               word("encodedSlash", "%2F, and a backslash, bare or as %5C, which some servers take for a slash.",
                    "keep", {"keep", "reject", "merge"})}};
  return section;
}

const Section& listener() {
  static const Section section{
      .name = "listener",
      .sentence = "An address that clients connect to.",
      .keys = {{.name = "address",
                .kind = Kind::kListenAddress,
                .sentence =
                    "host:port, the host in digits, or localhost, which is 127.0.0.1 alone; an empty host or * is "
                    "every IPv4 address, [::] every IPv6 one alone. Or unix:/path, a Unix socket of mode 0660.",
                .required = true},
               object("timeouts", "For this listener alone.", timeouts()),
               object("limits", "For this listener alone.", limits()),
               object("retries", "For this listener alone.", retries()),
               object("paths", "For this listener alone.", paths()),
               {.name = "proxyProtocol",
                .kind = Kind::kBoolean,
                .sentence =
                    "Whether each connection begins with a PROXY header, of version 1 or 2, that says whom it is "
                    "for. One without is closed, as is one from whoever is not in trustedHops, where that is given.",
                .fallback = "false"},
               trusted_hops("the file's"),
               allow("The addresses that may connect, as 10.0.0.0/8; the connections of others are closed at once."),
               deny("The addresses that may not, whatever `allow` says."),
               object("tls", "Clients speak TLS.", listener_tls())},
      .place = Place::kListener};
  return section;
}

}  // namespace weir::config::keys
