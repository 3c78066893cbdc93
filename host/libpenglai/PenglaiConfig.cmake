# find_package(Penglai): the target Penglai::penglai, for programs on a RISC-V machine with the monitor. Link them with -static where
# the machine has no C library of its own, as the embedded one has none.
get_filename_component(_penglai_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET Penglai::penglai)
  add_library(Penglai::penglai STATIC IMPORTED)
  set_target_properties(Penglai::penglai PROPERTIES
    IMPORTED_LOCATION "${_penglai_prefix}/lib/penglai/riscv/libpenglai.a"
    IMPORTED_LINK_INTERFACE_LANGUAGES CXX
    INTERFACE_INCLUDE_DIRECTORIES "${_penglai_prefix}/include"
    INTERFACE_LINK_LIBRARIES "stdc++;m")
endif()
set(Penglai_FOUND TRUE)
unset(_penglai_prefix)
