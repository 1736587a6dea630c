# ASan+UBSan or TSan, for everything that is built, tests included.
if(WEIR_FUZZ)
  # What the fuzzer steers by; its main() is linked to the targets alone.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(WEIR_SANITIZE STREQUAL "address")
  # Not vptr: it looks at memory through a pipe of its own, and takes an object for broken where the process, as a test
  # of limits wants it, can open no descriptor.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  # In the tests' own code these checks cost a third of the compile time; ASan stops at a null pointer all the same.
  set(WEIR_TEST_CODE_OPTIONS -fno-sanitize=null,alignment,object-size)
elseif(WEIR_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
  # TSan does not understand the stand-alone fences of Asio's fenced blocks, and GCC says so as an error.
  add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
elseif(NOT WEIR_SANITIZE STREQUAL "")
  message(FATAL_ERROR "WEIR_SANITIZE is '${WEIR_SANITIZE}'; expected '', 'address' or 'thread'")
endif()
