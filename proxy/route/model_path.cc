#include "proxy/route/model_path.h"

namespace weir::proxy {

std::string with_model(std::string_view path, std::string_view model) {
  if (model.empty()) return {};
  constexpr std::string_view kRoot = "/v1/models/";  // as long as the other
  if (!path.starts_with(kRoot) && !path.starts_with("/v2/models/")) return {};
  const std::string_view named = path.substr(kRoot.size());
  const std::string_view name = named.substr(0, named.find_first_of("/:"));
  const std::string_view behind = named.substr(name.size());
  if (name.empty() || behind.starts_with("/versions/") || behind.starts_with("/labels/")) return {};
  return std::string(path.substr(0, kRoot.size())).append(model).append(behind);
}

}  // namespace weir::proxy
