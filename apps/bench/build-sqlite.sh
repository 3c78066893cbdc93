#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# build-sqlite.sh CC OUTPUT: SQLite's speedtest1, unmodified and static, built by CC (pl-cc) and kept in the cache by content. The
# sources have been fetched. The amalgamation comes from a package that carries it whole, the test from SQLite's own.
set -eu

options='-O2 -g0 -w -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION'
[ $# -eq 2 ] || {
  echo "usage: build-sqlite.sh CC OUTPUT" >&2
  exit 1
}
cc=$1 output=$2
cache=${PL_CACHE:-$HOME/.cache/penglai}
sqlite=$cache/src/sqlite-3.39.4
speedtest=$cache/src/sqlite-speedtest-3.40.1

key=$({
  echo "$options"
  "$cc" -print-sysroot
  cat "$sqlite/.pinned" "$speedtest/.pinned"
} | sha256sum | cut -c1-16)
final=$cache/sqlite/$key
if [ ! -f "$final" ]; then
  mkdir -p "$cache/sqlite"
  partial=$(mktemp "$final.XXXXXX")
  # shellcheck disable=SC2086
  "$cc" $options -I"$sqlite" "$speedtest/test/speedtest1.c" "$sqlite/sqlite3.c" -o "$partial"
  chmod 755 "$partial"
  mv "$partial" "$final"
fi
cp "$final" "$output"
