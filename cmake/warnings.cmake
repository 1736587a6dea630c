# Every target of ours compiles clean under these; third-party headers are system headers.
add_library(weir_warnings INTERFACE)
target_compile_options(weir_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
# What only a link that optimises across files can see: one name for two types, as an anonymous namespace makes it in files
# that are joined.
target_link_options(weir_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Werror=odr;-Werror=lto-type-mismatch>)
