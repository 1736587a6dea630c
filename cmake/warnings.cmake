# Every target of ours compiles clean under these; third-party headers are system headers.
add_library(weir_warnings INTERFACE)
target_compile_options(weir_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
