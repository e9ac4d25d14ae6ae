# libpando: the shared library exports pando_* and nothing else; the static one is a single
# relocatable object whose hidden symbols are local, so that it cannot meet yours.
if(PANDO_FUZZ)
  return()
endif()

set(own_modules pando_host pando_transcript pando_log pando_lookup pando_config pando_node pando_api pando_ws
  pando_view pando_dag pando_space_log pando_raft pando_space_delta pando_delta_swap pando_delta_views pando_delta_fed
  pando_delta_store pando_delta_model pando_space pando_sync
  pando_exec pando_proto pando_peer pando_net pando_store pando_crypto pando_json pando_codec pando_base)
set(exports ${PROJECT_SOURCE_DIR}/cmake/exports.map)

add_library(pando_shared SHARED ${CMAKE_CURRENT_BINARY_DIR}/empty.c)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.c "typedef int pando_empty;\n")
target_link_libraries(pando_shared PRIVATE
  -Wl,--whole-archive $<TARGET_FILE:pando_host> $<TARGET_FILE:pando_base> -Wl,--no-whole-archive pando_host)
add_dependencies(pando_shared pando_host pando_base)
target_link_options(pando_shared PRIVATE -Wl,--version-script=${exports} -Wl,--gc-sections)
set_target_properties(pando_shared PROPERTIES OUTPUT_NAME pando VERSION ${PROJECT_VERSION} SOVERSION 0
  LINK_DEPENDS ${exports})

set(static_library ${CMAKE_CURRENT_BINARY_DIR}/libpando.a)
set(archives)
foreach(module ${own_modules})
  if(TARGET ${module})
    list(APPEND archives $<TARGET_FILE:${module}>)
  endif()
endforeach()
foreach(module store_journal store_files store_parts store_lmdb)
  if(TARGET pando_${module})
    list(APPEND archives $<TARGET_FILE:pando_${module}>)
    list(APPEND own_modules pando_${module})
  endif()
endforeach()
add_custom_command(OUTPUT ${static_library}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${static_library}
  COMMAND ${CMAKE_LINKER} -r -o libpando.o --whole-archive ${archives} --no-whole-archive
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=pando_delta_* --keep-global-symbol=pando_node_* --keep-global-symbol=pando_status_*
    --keep-global-symbol=pando_err_* libpando.o
  COMMAND ${CMAKE_AR} rcs ${static_library} libpando.o
  DEPENDS ${own_modules} VERBATIM COMMAND_EXPAND_LISTS)
add_custom_target(pando_static ALL DEPENDS ${static_library})

configure_file(${PROJECT_SOURCE_DIR}/cmake/pando.pc.in ${CMAKE_CURRENT_BINARY_DIR}/pando.pc @ONLY)
set(CMAKE_INSTALL_LIBDIR lib) # pando.pc finds its folders from its own place
include(GNUInstallDirs)
install(TARGETS pando RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS pando_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${static_library} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${wasmtime_dir}/lib/libpando_wasmtime.a DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/pando DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/pando.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

add_test(NAME symbols/libpando
  COMMAND ${PROJECT_SOURCE_DIR}/tools/symbols $<TARGET_FILE:pando_shared> ${static_library}
    ${PROJECT_SOURCE_DIR}/tests/symbols.txt)
add_test(NAME headers/alone COMMAND ${PROJECT_SOURCE_DIR}/tools/headers ${PROJECT_SOURCE_DIR} ${wasmtime_dir})
set_tests_properties(symbols/libpando headers/alone PROPERTIES LABELS release)
