#include "app/admin/access.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace weir::app {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::size_t kActorLimit = 128;

bool is_ipv4_loopback(std::string_view host) {
  std::array<unsigned, 4> parts{};
  const char* at = host.data();
  const char* const end = host.data() + host.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return false;
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc() || parts[i] > 255) return false;
    at = next;
  }
  return at == end && parts[0] == 127;
}

// The host of "host:port", "[v6]:port" or either without a port.
std::string_view without_port(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  const auto same_letter = [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b); };
  if (std::equal(kName.begin(), kName.end(), host.begin(), host.end(), same_letter)) return true;
  return host == "::1" || host == "[::1]" || is_ipv4_loopback(host);
}

bool equal_in_constant_time(std::string_view secret, std::string_view guess) {
  if (secret.empty()) return false;
  // The length of the guess decides the time; it is the guesser's own.
  volatile unsigned difference = secret.size() == guess.size() ? 0U : 1U;
  for (std::size_t i = 0; i < guess.size(); ++i) {
    const auto ours = static_cast<unsigned char>(secret[i % secret.size()]);
    difference = difference | (ours ^ static_cast<unsigned char>(guess[i]));
  }
  return difference == 0;
}

Access decide_access(const AccessFacts& facts, std::string_view token) {
  if (facts.probe) return Access::kAllowed;
  if (token.empty() && !is_loopback_host(without_port(facts.host))) return Access::kForeignHost;
  if (facts.post && facts.origin) {
    const std::string own = "http://" + std::string(facts.host);
    if (*facts.origin != own) return Access::kForeignOrigin;
  }
  // Browsers say it even where they send no Origin; nobody else sends it.
  if (facts.post && !facts.fetch_site.empty() && facts.fetch_site != "same-origin" && facts.fetch_site != "none") {
    return Access::kForeignOrigin;
  }
  if (token.empty() || !facts.api) return Access::kAllowed;
  if (!facts.authorization.starts_with(kBearer)) return Access::kNoToken;
  const std::string_view guess = facts.authorization.substr(kBearer.size());
  return equal_in_constant_time(token, guess) ? Access::kAllowed : Access::kNoToken;
}

std::string actor_name(std::string_view given, std::string_view peer) {
  const bool visible = std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (given.empty() || given.size() > kActorLimit || !visible) return "admin:" + std::string(peer);
  return std::string(given) + " from " + std::string(peer);
}

}  // namespace weir::app
