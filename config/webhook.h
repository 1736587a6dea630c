// Immutable once loaded, but for the pure functions. Who is told what a rollout does.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/limits.h"
#include "config/secret.h"

namespace weir::config {

// Where a request to a URL goes, and what it asks for there.
struct HttpUrl {
  std::string host = {};  // a name or an address, without brackets
  std::uint16_t port = 80;
  bool tls = false;
  std::string target = "/";  // the path and the query
  bool operator==(const HttpUrl&) const = default;
};

struct Webhook {
  enum class Type : std::uint8_t {
    kEvent,  // each decision, once it is made
    kJudge,  // the answers of both versions to a request that was copied; it says whose is better
  };

  static constexpr std::size_t kMostOfARollout = 8;

  Type type = Type::kEvent;
  std::string name = {};  // unique in its rollout; resolved: "webhook-N" unless given
  std::string url = {};   // as written
  HttpUrl to = {};        // the same
  Duration timeout = std::chrono::seconds(5);
  std::uint32_t retries = 5;  // after the first attempt
  std::optional<Secret> secret = {};
  std::uint64_t body = std::uint64_t{64} << 10;  // kJudge: bytes of each body that it is sent
  bool operator==(const Webhook&) const = default;
};

// "http://host", "https://host:port/path?query": the host a name or digits, all of it visible ASCII, without a user and
// without a fragment.
std::optional<HttpUrl> parse_http_url_with_path(std::string_view url);
// Whether it names a user, and so perhaps a password: it is not to be shown.
bool has_user(std::string_view url);

// "host", or "host:port" where it is not the scheme's own: as a Host field says it.
std::string authority_of(const HttpUrl& url);

}  // namespace weir::config
