#include "config/webhook.h"

#include "base/text.h"
#include "config/address.h"

namespace weir::config {
namespace {

// Where what names the host ends.
std::size_t end_of_authority(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return url.find_first_of("/?#", scheme == std::string_view::npos ? 0 : scheme + 3);
}

}  // namespace

bool has_user(std::string_view url) { return url.substr(0, end_of_authority(url)).find('@') != std::string_view::npos; }

std::optional<HttpUrl> parse_http_url_with_path(std::string_view url) {
  if (!is_visible(url) || url.find('#') != std::string_view::npos) return std::nullopt;
  const std::size_t end = end_of_authority(url);
  const std::string_view origin = url.substr(0, end);
  const std::optional<HostPort> secure = parse_https_url(origin);
  const std::optional<HostPort> address = secure ? secure : parse_http_url(origin);
  if (!address) return std::nullopt;
  HttpUrl parsed{.host = address->host, .port = address->port, .tls = secure.has_value()};
  if (end == std::string_view::npos) return parsed;
  parsed.target = url.substr(end);
  if (parsed.target.front() == '?') parsed.target.insert(0, "/");
  return parsed;
}

std::string authority_of(const HttpUrl& url) {
  const std::string whole = to_string(HostPort{url.host, url.port});
  return url.port == (url.tls ? 443 : 80) ? whole.substr(0, whole.rfind(':')) : whole;
}

}  // namespace weir::config
