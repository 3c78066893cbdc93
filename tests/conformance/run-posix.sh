#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run-posix.sh BUILD [all|native|K/3] [OPTION...]: the Open POSIX Test Suite in forked enclaves, against posix.toml; `native`: all of it on
# the machine's Linux, against nothing, two at once, each with three times the time. Without a word a third of it, another each day: the day of the
# year decides.
# OPTIONs go to pl-suite. The suite's own words for a status: 0 pass, 1 fail, 2 unresolved, 4 unsupported, 5 untested.
set -eu
[ $# -ge 1 ] || {
  echo "usage: run-posix.sh BUILD [all|native|K/3] [OPTION...]" >&2
  exit 1
}
build=$1
here=$(cd "$(dirname "$0")" && pwd)
part=${2-$(($(date -u +%j | sed 's/^0*//') % 3 + 1))/3}
[ $# -lt 2 ] || shift
shift
where="--expect $here/posix.toml"
jobs=12 time=60s # most cases sleep: one for each hart would leave the harts idle
case $part in
  all) part=1/1 ;;
  native) part=1/1 where=--native jobs=2 time=180s ;;
esac

"$here/build-posix.sh" "$build"
echo "# part $part of the suite"
# shellcheck disable=SC2086
exec "$build/bin/pl-suite" $where --jobs $jobs --timeout $time --skip 4,5 --shard "$part" "$@" "$build/tests/posix"
