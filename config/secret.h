// Immutable once loaded. What a plan names without saying it.
#pragma once

#include <string>

namespace weir::config {

// `{ env: NAME }` or `{ file: PATH }`, resolved when the file is loaded; never printed.
struct Secret {
  std::string env;
  std::string file;
  std::string value;
  bool operator==(const Secret&) const = default;
};

}  // namespace weir::config
