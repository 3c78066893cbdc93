#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# build-sysroot.sh LINK: the sysroot for programs (Linux headers, compiler-rt, musl, libunwind, libc++abi, libc++, mbedTLS), kept in the
# cache by content, and LINK pointing at it. The sources have been fetched. The order is forced: builtins need musl's headers, musl needs
# the builtins, everything else needs both.
set -eu

recipe=1 # raise it when the steps below change what is built
here=$(cd "$(dirname "$0")" && pwd)
cache=${PL_CACHE:-$HOME/.cache/penglai}
musl=$cache/src/musl-1.2.5
llvm=$cache/src/llvm-runtimes-19.1.7
mbedtls=$cache/src/mbedtls-3.6.6
triple=riscv64-linux-musl
jobs=$(nproc)

[ $# -eq 1 ] || {
  echo "usage: build-sysroot.sh LINK" >&2
  exit 1
}
link=$1

key=$({
  echo "$recipe"
  cat "$musl/.pinned" "$llvm/.pinned" "$mbedtls/.pinned" "$here"/config/*
  dpkg-query --show clang-19 linux-libc-dev-riscv64-cross
} | sha256sum | cut -c1-16)
final=$cache/sysroot/$key
root=$final.partial  # renamed when whole; config files address everything relative to themselves
work=$final.work     # object files; a finished stage leaves a mark there, so a killed build carries on

mkdir -p "$cache/sysroot"
exec 9>"$cache/sysroot/lock"
flock 9

stage() { # stage NAME: runs the function NAME unless it has been done
  [ -f "$work/$1.done" ] && return
  echo "sysroot: $1"
  set +e # a subshell on its own: within a condition, set -e would be without effect
  (
    set -e
    "$1"
  ) >"$work/$1.log" 2>&1
  status=$?
  set -e
  if [ $status -ne 0 ]; then
    tail -n 30 "$work/$1.log" >&2
    echo "sysroot: $1 failed; the whole log is $work/$1.log" >&2
    exit 1
  fi
  touch "$work/$1.done"
}

cross_cmake() { # cross_cmake SOURCE BUILD OPTION...: a compiler that cannot link yet
  source=$1 build=$2
  shift 2
  cmake -G Ninja -S "$source" -B "$build" --fresh -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux \
    -DCMAKE_SYSTEM_PROCESSOR=riscv64 -DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY \
    -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_ASM_COMPILER=clang-19 \
    -DCMAKE_C_COMPILER_TARGET=$triple -DCMAKE_CXX_COMPILER_TARGET=$triple -DCMAKE_ASM_COMPILER_TARGET=$triple \
    -DCMAKE_AR=/usr/bin/llvm-ar-19 -DCMAKE_RANLIB=/usr/bin/llvm-ranlib-19 -DCMAKE_NM=/usr/bin/llvm-nm-19 \
    -DCMAKE_SYSROOT="$root" -DLLVM_CMAKE_DIR="$llvm/llvm/cmake/modules" "$@"
}

# -ffp-contract=off: musl's error bounds assume that a product and a sum are rounded apart.
headers() {
  mkdir -p "$root/usr/include" "$root/usr/lib" "$root/lib" "$root/clang/lib/linux" "$work/musl"
  for directory in asm asm-generic linux misc mtd rdma sound video xen drm; do
    cp -rL "/usr/riscv64-linux-gnu/include/$directory" "$root/usr/include/"
  done
  cp "$here"/config/*.cfg "$root/"
  # clang's own headers come with the compiler; its resource directory must hold our run-time library beside them.
  ln -sfn "$(clang-19 -print-resource-dir)/include" "$root/clang/include"
  cd "$work/musl"
  "$musl/configure" --target=riscv64 --prefix=/usr --syslibdir=/lib \
    CC="clang-19 --target=$triple" AR=llvm-ar-19 RANLIB=llvm-ranlib-19 \
    CFLAGS="-O2 -march=rv64gc -mabi=lp64d -ffp-contract=off" LDFLAGS="-fuse-ld=lld" \
    LIBCC="$root/clang/lib/linux/libclang_rt.builtins-riscv64.a"
  make -s DESTDIR="$root" install-headers
}

builtins() {
  cross_cmake "$llvm/compiler-rt/lib/builtins" "$work/builtins" -DCOMPILER_RT_DEFAULT_TARGET_ONLY=ON \
    -DCOMPILER_RT_HAS_FPIC_FLAG=ON -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCOMPILER_RT_BUILD_CRT=ON -DCMAKE_C_FLAGS=-O2
  ninja -C "$work/builtins" -j "$jobs"
  built=$work/builtins/lib/linux
  cp "$built/libclang_rt.builtins-riscv64.a" "$built/clang_rt.crtbegin-riscv64.o" "$built/clang_rt.crtend-riscv64.o" \
    "$root/clang/lib/linux/"
}

libc() {
  make -s -C "$work/musl" -j "$jobs"
  make -s -C "$work/musl" DESTDIR="$root" install
  ln -sfn ../usr/lib/libc.so "$root/lib/ld-musl-riscv64.so.1" # musl installs an absolute link
}

# libc++.a carries the ABI library, so that a static link needs one name; the shared ones stay apart, as elsewhere.
runtimes() {
  cross_cmake "$llvm/runtimes" "$work/runtimes" -DCMAKE_INSTALL_PREFIX=/usr \
    -DCMAKE_C_FLAGS="--config=$root/penglai.cfg" -DCMAKE_CXX_FLAGS="--config=$root/penglai.cfg -nostdinc++" \
    -DCMAKE_ASM_FLAGS="--config=$root/penglai.cfg" \
    -DLLVM_ENABLE_RUNTIMES="libunwind;libcxxabi;libcxx" -DLLVM_INCLUDE_TESTS=OFF -DLLVM_ENABLE_PER_TARGET_RUNTIME_DIR=OFF \
    -DLIBUNWIND_USE_COMPILER_RT=ON -DLIBUNWIND_INCLUDE_TESTS=OFF -DLIBUNWIND_INCLUDE_DOCS=OFF \
    -DLIBCXXABI_USE_COMPILER_RT=ON -DLIBCXXABI_USE_LLVM_UNWINDER=ON -DLIBCXXABI_HAS_CXA_THREAD_ATEXIT_IMPL=OFF \
    -DLIBCXXABI_INCLUDE_TESTS=OFF \
    -DLIBCXX_USE_COMPILER_RT=ON -DLIBCXX_HAS_MUSL_LIBC=ON -DLIBCXX_HAS_ATOMIC_LIB=OFF \
    -DLIBCXX_STATICALLY_LINK_ABI_IN_STATIC_LIBRARY=ON -DLIBCXX_STATICALLY_LINK_ABI_IN_SHARED_LIBRARY=OFF \
    -DLIBCXX_INCLUDE_TESTS=OFF -DLIBCXX_INCLUDE_BENCHMARKS=OFF -DLIBCXX_INCLUDE_DOCS=OFF
  ninja -C "$work/runtimes" -j "$jobs"
  DESTDIR="$root" ninja -C "$work/runtimes" install
}

# Its generators are seeded anew for every request, so that one which a program seeded before its shadow point gives every fork something else
# (libos/shadow/CONTRACT.md). A request costs many times what it would without.
mbedtls() {
  mkdir -p "$work/mbedtls/source"
  cp -r "$mbedtls/." "$work/mbedtls/source"
  config=$work/mbedtls/source/include/mbedtls/mbedtls_config.h
  sed -i -E -e 's,^//(#define MBEDTLS_(CTR|HMAC)_DRBG_RESEED_INTERVAL) .*,\1 0,' -e 's,^//(#define MBEDTLS_THREADING_(C|PTHREAD))$,\1,' "$config"
  [ "$(grep -cE '^#define MBEDTLS_((CTR|HMAC)_DRBG_RESEED_INTERVAL 0|THREADING_(C|PTHREAD))$' "$config")" = 4 ]
  cross_cmake "$work/mbedtls/source" "$work/mbedtls/build" -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_C_FLAGS="--config=$root/penglai.cfg" -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DENABLE_PROGRAMS=OFF -DENABLE_TESTING=OFF -DGEN_FILES=OFF
  ninja -C "$work/mbedtls/build" -j "$jobs"
  DESTDIR="$root" ninja -C "$work/mbedtls/build" install
}

if [ ! -d "$final" ]; then
  mkdir -p "$root" "$work"
  stage headers
  stage builtins
  stage libc
  stage runtimes
  stage mbedtls
  mv "$root" "$final"
  rm -rf "$work"
fi

"$here/../cmake/link-tree.sh" "$final" "$link" penglai.cfg
