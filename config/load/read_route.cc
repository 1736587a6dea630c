#include "config/load/read.h"

#include "base/text.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

RouteMatch read_match(const Node& node) {
  RouteMatch match;
  read(node, "host", match.host);
  match.host = lower_case(match.host);
  if (const std::string* prefix = scalar(node, "pathPrefix")) match.path_prefix = *prefix;
  if (const std::string* exact = scalar(node, "pathExact")) match.path_exact = *exact;
  if (const Node* const method = node.find("method")) {
    if (method->type == Node::Type::kScalar) match.methods.push_back(method->scalar);
    for (const Node& element : method->list) match.methods.push_back(element.scalar);
  }
  if (const Node* const headers = node.find("headers")) {
    for (const Node& element : headers->list) {
      HeaderMatch header;
      read(element, "name", header.name);
      header.name = lower_case(header.name);
      if (const std::string* exact = scalar(element, "exact")) header.exact = *exact;
      if (const std::string* prefix = scalar(element, "prefix")) header.prefix = *prefix;
      match.headers.push_back(std::move(header));
    }
  }
  return match;
}

}  // namespace

Route read_route(const Node& node, std::size_t index) {
  Route route;
  route.name = "route-" + std::to_string(index + 1);
  route.position = node.position;
  read(node, "name", route.name);
  read(node, "service", route.service);
  if (const Node* const match = node.find("match")) route.match = read_match(*match);
  route.timeouts = read_timeouts(node);
  route.limits = read_limits(node);
  const std::string* const half_close = scalar(node, "onClientHalfClose");
  if (half_close != nullptr && *half_close == "cancel") route.on_client_half_close = OnClientHalfClose::kCancel;
  return route;
}

}  // namespace weir::config
