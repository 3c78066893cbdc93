#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# build-posix.sh BUILD: the programs of the Open POSIX Test Suite, conformance/interfaces, at BUILD/tests/posix, one file each, static, by
# BUILD/bin/pl-cc. Beside them, built.txt names what was built and refused.txt what does not compile or link against this C library.
set -eu
[ $# -eq 1 ] || {
  echo "usage: build-posix.sh BUILD" >&2
  exit 1
}
build=$(readlink -f "$1")
here=$(cd "$(dirname "$0")" && pwd)
cache=${PL_CACHE:-$HOME/.cache/penglai}
# shellcheck source=tests/conformance/kept.sh
. "$here/kept.sh"

name=posixtestsuite-1.5.2
"$here/../../cmake/fetch.sh" $name
source=$cache/src/$name

if must_build posix "$0" "$source/.pinned"; then
  mkdir -p "$partial/log"
  cd "$source"
  # The suite's own rule for which files are tests; what has no main is only to be compiled.
  find conformance/interfaces -name '[0-9]*-[0-9]*.c' ! -name '*-buildonly*' | sed 's/\.c$//' | sort >"$partial/all.txt"
  export compiler partial
  # shellcheck disable=SC2016
  xargs -P "$(nproc)" -I TEST sh -c '
    out=$partial/${1#conformance/interfaces/}
    [ ! -e "$out" ] || exit 0
    log=$partial/log/$(echo "$1" | tr / -)
    mkdir -p "$(dirname "$out")"
    if "$compiler" -O1 -w -Wno-error=implicit-function-declaration -std=gnu99 -D_POSIX_C_SOURCE=200112L -D_XOPEN_SOURCE=600 -Iinclude -include sys/stat.h -include fcntl.h \
      "$1.c" -o "$out.partial" -lpthread -lrt -lm 2>"$log"; then
      mv "$out.partial" "$out"
      rm "$log"
    fi' sh TEST <"$partial/all.txt"
  cd "$partial"
  find . -path ./log -prune -o -type f -perm /111 -printf '%P\n' | sort >built.txt
  for log in log/*; do
    [ ! -e "$log" ] || echo "$(basename "$log"): $(grep -m 1 'error' "$log" || true)"
  done >refused.txt
  cd /
  keep
fi
mkdir -p "$build/tests"
ln -sfn "$kept" "$build/tests/posix"
