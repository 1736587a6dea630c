# The standard library's headers, and in unit tests GoogleTest's too, parsed once a build instead of once a file: a third of
# the time of a whole build. The release preset goes without, so that a file which lacks an include is found.
option(WEIR_PRECOMPILE "Precompile the headers of the standard library and of GoogleTest" OFF)

set(precompiled_standard <algorithm> <array> <chrono> <cmath> <cstdint> <functional> <map> <memory>
    <mutex> <optional> <random> <set> <span> <sstream> <string> <string_view> <thread> <unordered_map> <utility> <variant>
    <vector>)

# precompile(<target> <standard|test>): lets the target's files use what was parsed.
function(precompile target kind)
  if(WEIR_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM weir_precompiled_${kind})
  endif()
endfunction()

if(WEIR_PRECOMPILE)
  # They fit only files for which the same macros are defined, and some libraries bring this one.
  add_compile_options(-pthread)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled.cc" CONTENT "// Only there to have the headers parsed.\n")
  add_library(weir_precompiled_standard OBJECT "${PROJECT_BINARY_DIR}/precompiled.cc")
  target_precompile_headers(weir_precompiled_standard PRIVATE ${precompiled_standard})
  target_link_libraries(weir_precompiled_standard PRIVATE weir_warnings)
  if(WEIR_TESTS AND NOT WEIR_FUZZ)
    add_library(weir_precompiled_test OBJECT "${PROJECT_BINARY_DIR}/precompiled.cc")
    target_precompile_headers(weir_precompiled_test PRIVATE ${precompiled_standard} <gmock/gmock.h> <gtest/gtest.h>)
    target_compile_options(weir_precompiled_test PRIVATE ${WEIR_TEST_CODE_OPTIONS})
    target_link_libraries(weir_precompiled_test PRIVATE weir_warnings GTest::gtest GTest::gmock)
  endif()
endif()
