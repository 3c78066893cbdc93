#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# build-libc.sh BUILD: all of musl's libc-test, by its own makefile and BUILD/bin/pl-cc, static and dynamic. At BUILD/tests/libc:
#   suite/        its directory as a run needs it: src/*/*.exe and *-static.exe, and the libraries that some of them open
#   root/         what tests find around it: a shell with a few commands, and the C library
#   refused.txt   what does not compile against this C library, with the compiler's reasons
set -eu
[ $# -eq 1 ] || {
  echo "usage: build-libc.sh BUILD" >&2
  exit 1
}
build=$(readlink -f "$1")
here=$(cd "$(dirname "$0")" && pwd)
cache=${PL_CACHE:-$HOME/.cache/penglai}
# shellcheck source=tests/conformance/kept.sh
. "$here/kept.sh"

name=libc-test-18e28496
"$here/../../cmake/fetch.sh" $name
"$here/../../cmake/fetch.sh" busybox-static
source=$cache/src/$name busybox=$cache/src/busybox-static

if must_build libc "$0" "$source/.pinned" "$busybox/.pinned"; then
  work=$partial/work
  # Whole before it has its name: make would carry on with half of it.
  if [ ! -d "$work" ]; then
    rm -rf "$work.partial"
    cp -r "$source"/usr/share/gocode/src/modernc.org/libc/testdata/nsz.repo.hu/libc-test "$work.partial"
    # What clang is told apart from gcc: it warns of C that C99 allows, and src/api takes warnings for errors.
    {
      cat "$work.partial/config.mak.def"
      echo 'CFLAGS += -Wno-strict-prototypes -Wno-switch-bool -Wno-c23-extensions'
    } >"$work.partial/config.mak"
    mv "$work.partial" "$work"
  fi
  # Built and not run: its makefile goes on behind what does not compile, and says so.
  make -C "$work" -j"$(nproc)" CC="$compiler -dynamic" AR=llvm-ar-19 RANLIB=llvm-ranlib-19 RUN_TEST=true >"$partial/make.log" 2>&1 || {
    tail -20 "$partial/make.log" >&2
    exit 1
  }
  sed -n 's/^BUILDERROR //p' "$partial/make.log" | sort | while read -r what; do
    echo "$what"
    grep -h 'error:' "$work/$what".err "$work/$what".ld.err 2>/dev/null | sort -u | sed 's/^/  /'
  done >"$partial/refused.txt"

  rm -rf "$partial/suite" "$partial/root"
  # Not the runner of its own, which is no test.
  (cd "$work" && find src \( -name '*.exe' -o -name '*.so' \) ! -name runtest.exe | cpio --quiet -pdm "$partial/suite")
  mkdir -p "$partial/root/bin" "$partial/root/lib" "$partial/root/usr/lib" "$partial/root/etc" "$partial/root/tmp"
  cp "$busybox/usr/bin/busybox" "$partial/root/bin/"
  for command in sh echo cat; do ln -s busybox "$partial/root/bin/$command"; done
  cp "$build/sysroot/usr/lib/libc.so" "$partial/root/usr/lib/"
  cp -P "$build/sysroot/lib/"ld-musl-*.so.1 "$partial/root/lib/"
  printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000:user:/tmp:/bin/sh >"$partial/root/etc/passwd"
  printf '%s\n' root:x:0: user:x:1000: >"$partial/root/etc/group"
  rm -rf "$work"
  keep
fi
mkdir -p "$build/tests"
ln -sfn "$kept" "$build/tests/libc"
