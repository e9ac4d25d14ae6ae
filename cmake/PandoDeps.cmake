# Third-party libraries, each confined to the folder that names it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls)
pkg_check_modules(NGTCP2 REQUIRED IMPORTED_TARGET libngtcp2 libngtcp2_crypto_gnutls)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(MHD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(NCURSES REQUIRED IMPORTED_TARGET ncursesw)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
find_library(LMDB_LIBRARY lmdb REQUIRED)
find_library(WSLAY_LIBRARY wslay REQUIRED)

# The WASM engine is built once by tools/build-wasmtime into a cache outside the checkout.
set(PANDO_WASMTIME_DIR "" CACHE PATH "Folder with include/ and lib/libpando_wasmtime.a")
if(NOT PANDO_WASMTIME_DIR)
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/tools/build-wasmtime --print-dir
    OUTPUT_VARIABLE wasmtime_dir OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
else()
  set(wasmtime_dir ${PANDO_WASMTIME_DIR})
endif()
if(NOT EXISTS ${wasmtime_dir}/lib/libpando_wasmtime.a)
  message(FATAL_ERROR "The WASM engine is not built: run 'make deps' (looked in ${wasmtime_dir})")
endif()
add_library(wasmtime STATIC IMPORTED)
set_target_properties(wasmtime PROPERTIES
  IMPORTED_LOCATION ${wasmtime_dir}/lib/libpando_wasmtime.a
  INTERFACE_INCLUDE_DIRECTORIES ${wasmtime_dir}/include
  INTERFACE_LINK_LIBRARIES "Threads::Threads;dl;m")
