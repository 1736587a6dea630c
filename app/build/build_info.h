// Pure functions. Which program this is.
#pragma once

#include <string_view>

namespace weir::app {

std::string_view version();   // "0.1.0"
std::string_view compiler();  // "gcc 12.2.0"

}  // namespace weir::app
