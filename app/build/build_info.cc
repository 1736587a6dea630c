#include "app/build/build_info.h"

namespace weir::app {

std::string_view version() { return WEIR_VERSION; }

#if defined(__clang__)
std::string_view compiler() { return "clang " __clang_version__; }
#else
std::string_view compiler() { return "gcc " __VERSION__; }
#endif

}  // namespace weir::app
