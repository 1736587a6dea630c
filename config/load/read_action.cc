#include "config/load/read.h"

#include "base/text.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

std::vector<std::pair<std::string, std::string>> read_fields(const Node& node, std::string_view key) {
  std::vector<std::pair<std::string, std::string>> fields;
  const Node* const map = node.find(key);
  if (map == nullptr) return fields;
  for (const Node::Entry& entry : map->map) fields.emplace_back(lower_case(entry.key), entry.value.scalar);
  return fields;
}

HeaderEdits read_edits(const Node& node, std::string_view key) {
  HeaderEdits edits;
  const Node* const map = node.find(key);
  if (map == nullptr) return edits;
  edits.set = read_fields(*map, "set");
  edits.add = read_fields(*map, "add");
  if (const Node* const names = map->find("remove")) {
    for (const Node& name : names->list) edits.remove.push_back(lower_case(name.scalar));
  }
  return edits;
}

std::optional<std::string> text_of(const Node& node, std::string_view key) {
  const std::string* const text = scalar(node, key);
  return text == nullptr ? std::nullopt : std::optional(*text);
}

}  // namespace

void read_action(const Node& node, Route& route) {
  if (const Node* const map = node.find("rewrite")) {
    Rewrite& rewrite = route.rewrite.emplace();
    rewrite.prefix = text_of(*map, "prefix");
    read(*map, "host", rewrite.host);
  }
  if (const Node* const map = node.find("redirect")) {
    Redirect& redirect = route.redirect.emplace();
    read_count(*map, "status", redirect.status);
    read(*map, "scheme", redirect.scheme);
    read(*map, "host", redirect.host);
    read_count(*map, "port", redirect.port);
    redirect.path = text_of(*map, "path");
    redirect.prefix = text_of(*map, "prefix");
  }
  if (const Node* const map = node.find("respond")) {
    Respond& respond = route.respond.emplace();
    read_count(*map, "status", respond.status);
    read(*map, "body", respond.body);
    read(*map, "contentType", respond.content_type);
  }
  route.request_headers = read_edits(node, "requestHeaders");
  route.response_headers = read_edits(node, "responseHeaders");
}

}  // namespace weir::config
