#include "config/load/access_consistency.h"

#include <algorithm>
#include <array>
#include <string>

#include "config/address.h"
#include "config/load/places.h"
#include "config/scalar.h"

namespace weir::config {
namespace {

// All of one family.
struct Whole {
  bool v4 = false;
  bool v6 = false;

  explicit Whole(const std::vector<Cidr>& networks) {
    for (const Cidr& network : networks) {
      v4 = v4 || (network.is_v4() && network.prefix_bits == Cidr::kV4Bits);
      v6 = v6 || network.prefix_bits == 0;
    }
  }
};

// What a header says beside a key would be taken off with it, or the field is not what the client has sent.
std::string_view why_no_key(std::string_view name) {
  constexpr std::array<std::string_view, 5> kOfTheRequest = {"accept-encoding", "accept", "content-", "if-", "range"};
  if (name == "cookie") return "it holds all that a client keeps, and is never a key alone";
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  if (std::any_of(kOfTheRequest.begin(), kOfTheRequest.end(), begins)) return "it says what the request is";
  return why_kept(name);
}

class Checker {
 public:
  Checker(const Config& config, const Node& root, Report& report) : config_(config), root_(root), report_(report) {}

  void check() {
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      check_listener(config_.listeners[i], element(root_.find("listeners"), i), "listeners[" + std::to_string(i) + "]");
    }
    const Node* const routes = root_.find("routes");
    for (std::size_t i = 0; i < config_.routes.size(); ++i) {
      check_route(config_.routes[i], element(routes, i), "routes[" + std::to_string(i) + "]");
    }
  }

 private:
  void check_listener(const Listener& listener, const Node& node, const std::string& path) {
    const AddressRules& rules = listener.addresses;
    warn_of_denied(rules, node, path);
    const bool local = parse_unix_path(listener.address).has_value();
    if (local && !listener.proxy_protocol) {
      return warn_of_nobody(rules, node, path + ".allow: who connects to a Unix socket has no address, so nobody may",
                            "the mode of the socket's folder, or proxyProtocol behind a proxy that names its clients");
    }
    const bool v4 = listener.address.find('[') == std::string::npos;
    const Whole denied(rules.deny);
    // One family alone comes to a listener, unless a proxy says otherwise.
    const bool closed = !listener.proxy_protocol && (v4 ? denied.v4 : denied.v6);
    if (!closed) warn_of_half(rules, node, path);
    const auto matches = [v4](const Cidr& network) { return network.is_v4() == v4; };
    if (listener.proxy_protocol || rules.allow.empty() || std::any_of(rules.allow.begin(), rules.allow.end(), matches))
      return;
    report_.warn(place(node, {"allow"}),
                 path + (v4 ? ".allow: only IPv4 comes to this listener, and these are IPv6, so nobody may"
                            : ".allow: only IPv6 comes to this listener, and these are IPv4, so nobody may"),
                 v4 ? "0.0.0.0/0 for all of IPv4, or a listener at [::] for IPv6"
                    : "::/0 for all of IPv6, or a listener at 0.0.0.0 for IPv4");
  }

  void check_route(const Route& route, const Node& node, const std::string& path) {
    warn_of_denied(route.addresses, node, path);
    warn_of_half(route.addresses, node, path);
    const auto nameless = [&](const Listener& listener) {
      const std::optional<TrustedHops>& hops = listener.trusted_hops ? listener.trusted_hops : config_.trusted_hops;
      return parse_unix_path(listener.address) && !listener.proxy_protocol && !(hops && hops->unix_sockets);
    };
    const auto& listeners = config_.listeners;
    if (!listeners.empty() && std::all_of(listeners.begin(), listeners.end(), nameless)) {
      warn_of_nobody(route.addresses, node, path + ".allow: who comes by a Unix socket has no address, so nobody may",
                     "trustedHops: [unix] with a proxy there that names its clients");
    }
    if (route.api_keys.keys.empty()) return;
    warn_of_short_keys(route.api_keys, node, path);
    const std::string_view why = why_no_key(route.api_keys.header);
    if (why.empty() || unfit_field(route.api_keys.header)) return;  // its shape was refused already
    report_.error(place(node, {"apiKeys", "header"}),
                  path + ".apiKeys.header: " + route.api_keys.header + " can hold no key: " + std::string(why),
                  "a header for the key alone, such as x-api-key, or authorization");
  }

  void warn_of_nobody(const AddressRules& rules, const Node& node, const std::string& what,
                      const std::string& expected) {
    if (!rules.allow.empty() && !rules.admits(IpBytes{})) report_.warn(place(node, {"allow"}), what, expected);
  }

  // `deny` is asked first.
  void warn_of_denied(const AddressRules& rules, const Node& node, const std::string& path) {
    const auto denied = [&](const Cidr& network) { return covers(rules.deny, network); };
    if (rules.allow.empty() || !std::all_of(rules.allow.begin(), rules.allow.end(), denied)) return;
    report_.warn(place(node, {"allow"}), path + ".allow: deny holds all of it, and is asked first, so nobody may",
                 "networks that deny leaves out");
  }

  // Guesses are not counted: what is refused for its key takes nothing of a rate.
  void warn_of_short_keys(const ApiKeys& keys, const Node& node, const std::string& path) {
    const Node* const list = find(node, {"apiKeys", "keys"});
    for (std::size_t i = 0; i < keys.keys.size(); ++i) {
      const std::size_t bytes = keys.keys[i].key.value.size();
      if (bytes == 0 || bytes >= kShortApiKey) continue;
      report_.warn(
          place(element(list, i), {"key"}),
          path + ".apiKeys.keys[" + std::to_string(i) + "].key is so short that it can be tried out",
          "at least " + std::to_string(kShortApiKey) + " bytes at random, such as from `openssl rand -hex 32`");
    }
  }

  // Networks of one family hold no address of the other, not even ::/0.
  void warn_of_half(const AddressRules& rules, const Node& node, const std::string& path) {
    const Whole denied(rules.deny);
    if (!rules.allow.empty() || denied.v4 == denied.v6) return;
    report_.warn(place(node, {"deny"}),
                 path + (denied.v4 ? ".deny: 0.0.0.0/0 is IPv4 alone, and clients over IPv6 still come in"
                                   : ".deny: ::/0 is IPv6 alone, and clients over IPv4 still come in"),
                 "both 0.0.0.0/0 and ::/0, or an allow");
  }

  const Config& config_;
  const Node& root_;
  Report& report_;
};

}  // namespace

void check_access(const Config& config, const Node& root, Report& report) { Checker(config, root, report).check(); }

std::string with_dashes(std::string_view name) {
  std::string dashed(name);
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  return dashed;
}

std::string_view why_kept(std::string_view given) {
  constexpr std::array<std::string_view, 2> kOfTheMessage = {"max-forwards", "trailer"};
  constexpr std::array<std::string_view, 9> kOurs = {
      "forwarded",       "traceparent",      "tracestate",        "via",                    "x-request-id",
      "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-client-cert"};
  const std::string name = with_dashes(given);
  if (name == "host") return "rewrite.host says it";
  if (is_owned_field(name) || std::find(kOfTheMessage.begin(), kOfTheMessage.end(), name) != kOfTheMessage.end())
    return "it speaks of the connection or the framing";
  const bool ours = name.starts_with("x-weir-") || std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end();
  if (ours) return "the weir itself writes it";
  return {};
}

}  // namespace weir::config
