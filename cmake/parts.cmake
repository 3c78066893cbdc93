# The two RISC-V configurations of this tree. Their own ninja decides what is out of date, so it runs on every build.
include(ExternalProject)

function(pl_part part directory)
  ExternalProject_Add(${directory}
    SOURCE_DIR ${PROJECT_SOURCE_DIR}
    PREFIX ${CMAKE_BINARY_DIR}/parts
    BINARY_DIR ${CMAKE_BINARY_DIR}/${directory}
    CMAKE_ARGS
      -DPL_PART=${part}
      -DPL_LIBBACKTRACE=${PL_CACHE}/src/libbacktrace-0.1
      -DPL_LIBUNWIND=${PL_CACHE}/src/llvm-runtimes-19.1.7/libunwind
      -DCMAKE_TOOLCHAIN_FILE=${PROJECT_SOURCE_DIR}/cmake/toolchains/riscv64-${part}.cmake
      -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}
      -DPL_WARNINGS_ARE_ERRORS=${PL_WARNINGS_ARE_ERRORS}
    BUILD_ALWAYS ON
    INSTALL_COMMAND "")
endfunction()

pl_part(linux riscv-linux)
pl_part(bare riscv-bare)
add_dependencies(riscv-linux fetch-llvm-runtimes-19.1.7 fetch-libbacktrace-0.1)
