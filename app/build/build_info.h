// Pure functions. Which program this is.
#pragma once

#include <string_view>

namespace weir::app {

std::string_view version();   // "0.1.0"
std::string_view compiler();  // "gcc 12.2.0"

// Each answer of the admin API carries this field, its value the version: what answers without it is no weir.
inline constexpr const char* kAdminHeader = "x-weir-admin";

}  // namespace weir::app
