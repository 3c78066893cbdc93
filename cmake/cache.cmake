# Third-party inputs and builds, kept outside the checkout by content.
#
#   PL_CACHE               the cache's directory
#   pl_fetch(NAME)         target fetch-NAME: $PL_CACHE/src/NAME unpacked from what sources.txt pins. Depend on the target, or on
#                          the file ${PL_CACHE}/src/NAME/.pinned
#   PL_OPENSBI_SOURCE      OpenSBI's source tree                    (target fetch-opensbi-1.6)
#   PL_KERNEL              the machine's Linux build tree           (target kernel; file ${PL_KERNEL_IMAGE})
#   ${PL_KERNEL}-debug     the same with the kernel's own checkers  (target kernel-debug; for the driver's tests, built when asked for)
#   ${PL_KERNEL}-debian    Debian 13's own kernel, as its packages have it   (target kernel-debian; for tests, likewise)
if(DEFINED ENV{PL_CACHE})
  set(default_cache $ENV{PL_CACHE})
else()
  set(default_cache $ENV{HOME}/.cache/penglai)
endif()
set(PL_CACHE ${default_cache} CACHE PATH "Third-party sources and builds")

set(PL_FETCH ${PROJECT_SOURCE_DIR}/cmake/fetch.sh)
function(pl_fetch name)
  add_custom_command(
    OUTPUT ${PL_CACHE}/src/${name}/.pinned
    COMMAND ${CMAKE_COMMAND} -E env PL_CACHE=${PL_CACHE} ${PL_FETCH} ${name}
    DEPENDS ${PL_FETCH} ${PROJECT_SOURCE_DIR}/cmake/sources.txt
    COMMENT "Fetch ${name}"
    VERBATIM)
  add_custom_target(fetch-${name} DEPENDS ${PL_CACHE}/src/${name}/.pinned)
endfunction()

pl_fetch(libbacktrace-0.1)
pl_fetch(opensbi-1.6)
set(PL_OPENSBI_SOURCE ${PL_CACHE}/src/opensbi-1.6)

set(PL_KERNEL ${CMAKE_BINARY_DIR}/kernel)
set(PL_KERNEL_IMAGE ${PL_KERNEL}/arch/riscv/boot/Image)
set(machine ${PROJECT_SOURCE_DIR}/cmake/machine)
# pl_kernel(TARGET TREE COMMENT INPUTS FILE... COMMAND ARGUMENT...)   a kernel's tree, made by a script in machine/
function(pl_kernel target tree comment)
  cmake_parse_arguments(kernel "" "" "INPUTS;COMMAND" ${ARGN})
  add_custom_command(
    OUTPUT ${tree}/arch/riscv/boot/Image
    COMMAND ${CMAKE_COMMAND} -E env PL_CACHE=${PL_CACHE} ${kernel_COMMAND}
    DEPENDS ${kernel_INPUTS} ${PROJECT_SOURCE_DIR}/cmake/link-tree.sh
    COMMENT ${comment}
    VERBATIM)
  add_custom_target(${target} DEPENDS ${tree}/arch/riscv/boot/Image)
endfunction()

set(build_kernel ${machine}/build-kernel.sh)
set(linux_source /usr/src/linux-source-6.1.tar.xz)
pl_kernel(kernel ${PL_KERNEL} "Linux for the machine"
  INPUTS ${build_kernel} ${machine}/linux.config ${linux_source}
  COMMAND ${build_kernel} ${PL_KERNEL} ${machine}/linux.config)
pl_kernel(kernel-debug ${PL_KERNEL}-debug "Linux for the machine, with checkers"
  INPUTS ${build_kernel} ${machine}/linux.config ${machine}/debug.config ${linux_source}
  COMMAND ${build_kernel} ${PL_KERNEL}-debug ${machine}/linux.config ${machine}/debug.config)
pl_kernel(kernel-debian ${PL_KERNEL}-debian "Debian's Linux"
  INPUTS ${machine}/debian-kernel.sh ${PL_FETCH} ${PROJECT_SOURCE_DIR}/cmake/sources.txt
  COMMAND ${machine}/debian-kernel.sh ${PL_KERNEL}-debian)

# A program that nobody here built, for the tests and for the machine's shell: Debian's own.
pl_fetch(busybox-static)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/tests/busybox
  COMMAND ${CMAKE_COMMAND} -E copy ${PL_CACHE}/src/busybox-static/usr/bin/busybox ${CMAKE_BINARY_DIR}/tests/busybox
  DEPENDS ${PL_CACHE}/src/busybox-static/.pinned
  VERBATIM)
add_custom_target(busybox ALL DEPENDS ${CMAKE_BINARY_DIR}/tests/busybox)

# strace as Debian has it, with the library that it takes: what pl-run --strace is compared with.
pl_fetch(strace)
pl_fetch(libc6)
set(strace ${CMAKE_BINARY_DIR}/tests/strace)
set(library ${PL_CACHE}/src/libc6/usr/lib/riscv64-linux-gnu)
add_custom_command(
  OUTPUT ${strace}/strace
  COMMAND ${CMAKE_COMMAND} -E make_directory ${strace}
  COMMAND ${CMAKE_COMMAND} -E copy ${library}/libc.so.6 ${library}/ld-linux-riscv64-lp64d.so.1 ${PL_CACHE}/src/strace/usr/bin/strace ${strace}
  DEPENDS ${PL_CACHE}/src/strace/.pinned ${PL_CACHE}/src/libc6/.pinned
  VERBATIM)
add_custom_target(strace ALL DEPENDS ${strace}/strace)
