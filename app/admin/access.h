// Pure functions. Who may use the admin API.
//
// Loopback is no fence against a browser: any page that the operator visits can post to 127.0.0.1, and with a name that
// it lets resolve to 127.0.0.1 (DNS rebinding) it can read the answers too. So a POST with a foreign Origin is refused,
// and a weir without a token answers only to requests whose Host names loopback itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::app {

struct AccessFacts {
  bool post = false;
  bool probe = false;  // /healthz or /readyz: for anybody who can connect
  bool api = false;    // under /api/: the token, where there is one, is asked for
  std::string_view host;
  std::optional<std::string_view> origin;
  std::string_view fetch_site;     // Sec-Fetch-Site
  std::string_view authorization;  // "Bearer <token>", the scheme in any case (RFC 9110 11.1)
};

enum class Access { kAllowed, kForeignHost, kForeignOrigin, kNoToken };

// `token` is empty when none is configured.
Access decide_access(const AccessFacts& facts, std::string_view token);

// Who is asking, for the history: the name that the caller gives itself, if it is 1 to 128 visible ASCII characters,
// and the address it comes from.
std::string actor_name(std::string_view given, std::string_view peer);

}  // namespace weir::app
