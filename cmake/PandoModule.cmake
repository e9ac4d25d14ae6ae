# pando_module(<folder> [PURE] SOURCES ... [TESTS ...] [DEPS ...])
#
# One line per folder: what it is made of and what it may see. Each test is a program of
# its own named after its file. PURE: the objects may need only memory primitives and
# other pure folders; tools/purity checks that with nm as a test.
function(pando_module name)
  cmake_parse_arguments(M "PURE" "" "SOURCES;TESTS;DEPS" ${ARGN})
  set(target pando_${name})
  add_library(${target} STATIC ${M_SOURCES})
  target_link_libraries(${target} PUBLIC pando_flags ${M_DEPS})
  set_property(GLOBAL APPEND PROPERTY PANDO_MODULES ${target})
  foreach(test ${M_TESTS})
    string(REPLACE ".c" "" test_target ${test})
    pando_test(${test_target} SOURCES ${test} DEPS ${target})
  endforeach()
  if(M_PURE)
    add_test(NAME purity/${name}
      COMMAND ${PROJECT_SOURCE_DIR}/tools/purity $<TARGET_OBJECTS:${target}> COMMAND_EXPAND_LISTS)
  endif()
endfunction()

# pando_test(<name> SOURCES ... DEPS ... [LABEL unit]): a cmocka program run by ctest.
function(pando_test name)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT T_LABEL)
    set(T_LABEL unit)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 600)
  endif()
  if(PANDO_FUZZ)
    return() # the fuzz build has only fuzz targets
  endif()
  add_executable(${name} ${T_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/lib)
  target_link_libraries(${name} PRIVATE ${T_DEPS} PkgConfig::CMOCKA)
  target_compile_definitions(${name} PRIVATE PANDO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${T_LABEL}/${name} COMMAND ${name})
  set_tests_properties(${T_LABEL}/${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT})
endfunction()

# pando_fuzz(<name> SOURCES ... DEPS ...): a libFuzzer target; in other builds the same
# property is replayed over the seed corpus as a unit test.
function(pando_fuzz name)
  cmake_parse_arguments(F "" "" "SOURCES;DEPS" ${ARGN})
  if(PANDO_FUZZ)
    add_executable(${name} ${F_SOURCES})
    target_link_libraries(${name} PRIVATE ${F_DEPS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_property(GLOBAL APPEND PROPERTY PANDO_FUZZERS ${name})
  else()
    add_executable(${name} ${F_SOURCES} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c)
    target_link_libraries(${name} PRIVATE ${F_DEPS})
    add_test(NAME fuzz-replay/${name}
      COMMAND ${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz-replay/${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()
