# Third-party inputs and builds, kept outside the checkout by content.
#
#   PL_CACHE               the cache's directory
#   pl_fetch(NAME)         target fetch-NAME: $PL_CACHE/src/NAME unpacked from what sources.txt pins. Depend on the target, or on
#                          the file ${PL_CACHE}/src/NAME/.pinned
#   PL_OPENSBI_SOURCE      OpenSBI's source tree                    (target fetch-opensbi-1.6)
#   PL_KERNEL              the machine's Linux build tree           (target kernel; file ${PL_KERNEL_IMAGE})
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

pl_fetch(opensbi-1.6)
set(PL_OPENSBI_SOURCE ${PL_CACHE}/src/opensbi-1.6)

set(PL_KERNEL ${CMAKE_BINARY_DIR}/kernel)
set(PL_KERNEL_IMAGE ${PL_KERNEL}/arch/riscv/boot/Image)
set(build_kernel ${PROJECT_SOURCE_DIR}/cmake/machine/build-kernel.sh)
set(kernel_config ${PROJECT_SOURCE_DIR}/cmake/machine/linux.config)
add_custom_command(
  OUTPUT ${PL_KERNEL_IMAGE}
  COMMAND ${CMAKE_COMMAND} -E env PL_CACHE=${PL_CACHE} ${build_kernel} ${PL_KERNEL} ${kernel_config}
  DEPENDS ${build_kernel} ${kernel_config} /usr/src/linux-source-6.1.tar.xz
  COMMENT "Linux for the machine"
  VERBATIM)
add_custom_target(kernel DEPENDS ${PL_KERNEL_IMAGE})

# A program that nobody here built, for the tests and for the machine's shell: Debian's own.
pl_fetch(busybox-static)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/tests/busybox
  COMMAND ${CMAKE_COMMAND} -E copy ${PL_CACHE}/src/busybox-static/usr/bin/busybox ${CMAKE_BINARY_DIR}/tests/busybox
  DEPENDS ${PL_CACHE}/src/busybox-static/.pinned
  VERBATIM)
add_custom_target(busybox ALL DEPENDS ${CMAKE_BINARY_DIR}/tests/busybox)
