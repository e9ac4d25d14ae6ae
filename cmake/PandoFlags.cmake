# One interface target carries the flags; nothing is set globally.
option(PANDO_WERROR "Treat warnings as errors" OFF)
option(PANDO_SLOW_CHECKS "Compile PANDO_ASSERT_SLOW in" OFF)
option(PANDO_FUZZ "Build libFuzzer targets (clang)" OFF)
set(PANDO_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")

add_library(pando_flags INTERFACE)
target_compile_features(pando_flags INTERFACE c_std_17)
target_include_directories(pando_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(pando_flags INTERFACE _GNU_SOURCE PANDO_VERSION="${PROJECT_VERSION}")
target_compile_options(pando_flags INTERFACE
  -fPIC -fvisibility=hidden -fno-omit-frame-pointer
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wvla -Wundef
  -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wwrite-strings)
if(PANDO_WERROR)
  target_compile_options(pando_flags INTERFACE -Werror)
endif()
if(PANDO_SLOW_CHECKS)
  target_compile_definitions(pando_flags INTERFACE PANDO_SLOW_CHECKS)
endif()
if(PANDO_SANITIZE)
  target_compile_options(pando_flags INTERFACE -fsanitize=${PANDO_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(pando_flags INTERFACE -fsanitize=${PANDO_SANITIZE})
endif()
if(PANDO_FUZZ)
  target_compile_options(pando_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
