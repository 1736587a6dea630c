#include "proxy/exchange/original_request.h"

#include <algorithm>
#include <optional>

#include "proxy/exchange/client.h"
#include "proxy/http/field.h"
#include "proxy/http/meaning.h"
#include "proxy/http/white_space.h"

namespace weir::proxy {
namespace {

// What stands before `separator`, but for one in a quoted string; taken out of `rest` with it.
std::string_view take(std::string_view& rest, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size() && (quoted || rest[end] != separator); ++end) {
    if (rest[end] == '"') quoted = !quoted;
    if (quoted && rest[end] == '\\') ++end;
  }
  end = std::min(end, rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return http::trimmed(taken);
}

// Calls `visit` with every element of a list, over all of its lines.
template <class Visit>
void for_each_element(const http::FieldList& fields, http::FieldId id, const Visit& visit) {
  for (const http::Field& field : fields) {
    std::string_view rest = field.id == id ? field.value : std::string_view();
    while (!rest.empty()) {
      const std::string_view element = take(rest, ',');
      if (!element.empty()) visit(element);
    }
  }
}

// The element that has `behind` others behind it; the first one of a list that is shorter.
std::string_view element_from_end(const http::FieldList& fields, http::FieldId id, std::size_t behind) {
  if (!fields.has(id)) return {};
  std::size_t count = 0;
  for_each_element(fields, id, [&](std::string_view) { ++count; });
  const std::size_t wanted = count > behind ? count - 1 - behind : 0;
  std::string_view found;
  std::size_t place = 0;
  for_each_element(fields, id, [&](std::string_view element) {
    if (place++ == wanted) found = element;
  });
  return found;
}

// RFC 7239 section 4. Of a quoted value what is between the quotes: nothing that we look for needs an escape.
std::string_view parameter(std::string_view element, std::string_view name) {
  while (!element.empty()) {
    const std::string_view pair = take(element, ';');
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !http::equal_ignoring_case(pair.substr(0, equals), name)) continue;
    const std::string_view value = pair.substr(equals + 1);
    const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    return quoted ? value.substr(1, value.size() - 2) : value;
  }
  return {};
}

std::optional<std::string_view> scheme_of(std::string_view word) {
  for (const std::string_view known : {"http", "https"}) {
    if (http::equal_ignoring_case(word, known)) return known;
  }
  return std::nullopt;
}

}  // namespace

Reached original_request(const http::RequestHead& request, const Sender& sender) {
  using http::FieldId;
  Reached original{sender.scheme, request.host, request.authority};
  if (!is_trusted(sender.hops, sender.peer)) return original;
  const http::FieldList& fields = request.fields;
  const std::size_t behind = hops_passed(fields, sender.peer, sender.hops);
  const std::string_view forwarded = element_from_end(fields, FieldId::kForwarded, behind);
  std::optional<std::string_view> scheme = scheme_of(element_from_end(fields, FieldId::kXForwardedProto, behind));
  if (!scheme) scheme = scheme_of(parameter(forwarded, "proto"));
  if (scheme) original.scheme = *scheme;
  const std::string_view said = element_from_end(fields, FieldId::kXForwardedHost, behind);
  for (const std::string_view authority : {said, parameter(forwarded, "host")}) {
    std::string_view host;
    if (authority.empty() || !http::split_authority(authority, host)) continue;
    original.host = host;
    original.authority = authority;
    break;
  }
  return original;
}

}  // namespace weir::proxy
