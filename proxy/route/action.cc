#include "proxy/route/action.h"

#include <algorithm>
#include <vector>

#include "base/percent.h"
#include "proxy/http/field.h"
#include "proxy/route/path.h"

namespace weir::proxy {
namespace {

// RFC 3986 3.3 and 3.4, with the "%" of escapes that are there already.
bool stands_in_uri(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~!$&'()*+,;=:@/?%").find(c) != std::string_view::npos;
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (stands_in_uri(c)) {
      out += c;
      continue;
    }
    const auto escape = escape_of(c);
    out.append(escape.data(), escape.size());
  }
}

std::string_view without_last_slash(std::string_view text) {
  if (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

std::uint32_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

// ":port" of the place that is led to, or nothing when it goes without saying.
std::string port_of(const config::Redirect& redirect, std::string_view scheme, const Redirected& request) {
  if (redirect.port != 0) return redirect.port == default_port(scheme) ? "" : ":" + std::to_string(redirect.port);
  // Another scheme has another port; another host alone keeps it.
  if (!redirect.scheme.empty()) return {};
  return std::string(
      request.reached.authority.substr(std::min(request.reached.host.size(), request.reached.authority.size())));
}

void append_line(std::string& lines, std::string_view name, std::string_view value) {
  lines += name;
  lines += ": ";
  lines += value;
  lines += "\r\n";
}

}  // namespace

std::string replace_prefix(std::string_view path, std::string_view prefix, std::string_view replacement) {
  const std::string_view rest = path.substr(without_last_slash(prefix).size());
  std::string result(without_last_slash(replacement));
  result += rest;
  if (!result.starts_with('/')) result.insert(0, 1, '/');
  // A plain prefix may end inside a segment: of "/api../x" it leaves dots that lead out of the replacement.
  std::vector<char> space(result.size());
  const NormalPath normal = normalise_path(result, {}, space);
  return normal.fault == PathFault::kNone ? std::string(normal.path) : result;
}

bool leads_back(const config::Redirect& redirect, std::string_view prefix, const Reached& reached,
                std::string_view path) {
  if (!redirect.scheme.empty() && redirect.scheme != reached.scheme) return false;
  if (!redirect.host.empty() && !http::equal_ignoring_case(redirect.host, reached.host)) return false;
  const std::string_view port = reached.authority.substr(std::min(reached.host.size(), reached.authority.size()));
  const std::string there =
      port.size() > 1 ? std::string(port.substr(1)) : std::to_string(default_port(reached.scheme));
  if (redirect.port != 0 && std::to_string(redirect.port) != there) return false;
  if (redirect.path) return *redirect.path == path;
  return !redirect.prefix || replace_prefix(path, prefix, *redirect.prefix) == path;
}

bool leads_nowhere(const config::Redirect& redirect, const Reached& reached) {
  return redirect.host.empty() && reached.host.empty() && (!redirect.scheme.empty() || redirect.port != 0);
}

std::string redirect_location(const config::Redirect& redirect, std::string_view prefix, const Redirected& request) {
  std::string location;
  const bool elsewhere = !redirect.scheme.empty() || !redirect.host.empty() || redirect.port != 0;
  const std::string_view host = redirect.host.empty() ? request.reached.host : std::string_view(redirect.host);
  if (elsewhere && !host.empty()) {
    const std::string_view scheme =
        redirect.scheme.empty() ? request.reached.scheme : std::string_view(redirect.scheme);
    location = std::string(scheme) + "://" + std::string(host) + port_of(redirect, scheme, request);
  }
  std::string path = redirect.path     ? *redirect.path
                     : redirect.prefix ? replace_prefix(request.path, prefix, *redirect.prefix)
                                       : std::string(request.path);
  // Two slashes at the front would be another host's (RFC 3986 4.2).
  path.erase(0, std::min(path.find_first_not_of('/'), path.size()));
  location += '/';
  append_escaped(location, path);
  if (request.has_query) {
    location += '?';
    append_escaped(location, request.query);
  }
  return location;
}

http::FieldChanges field_changes(const config::HeaderEdits& edits) {
  http::FieldChanges changes;
  for (const auto& [name, value] : edits.set) {
    changes.replaced.push_back(name);
    append_line(changes.lines, name, value);
  }
  for (const auto& [name, value] : edits.add) append_line(changes.lines, name, value);
  changes.removed = edits.remove;
  return changes;
}

}  // namespace weir::proxy
