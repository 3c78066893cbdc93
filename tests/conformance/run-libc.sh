#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run-libc.sh BUILD [native] [OPTION...]: musl's libc-test in forked enclaves, against libc.toml; `native`: on the machine's Linux, against
# nothing. OPTIONs go to pl-suite. Tests start at the suite's own top, as with its makefile, and are no superuser, whom few limits hold.
set -eu
[ $# -ge 1 ] || {
  echo "usage: run-libc.sh BUILD [native] [OPTION...]" >&2
  exit 1
}
build=$1
here=$(cd "$(dirname "$0")" && pwd)
shift
where="--expect $here/libc.toml"
if [ "${1-}" = native ]; then
  where=--native
  shift
fi

"$here/build-libc.sh" "$build"
top=$(readlink -f "$build/tests/libc")
# musl has no _PC_TIMESTAMP_RESOLUTION and no _SC_XOPEN_UUCP, which src/api/unistd.c asks for, and src/api/main.exe is all of src/api.
refused=$(grep -v '^ ' "$top/refused.txt" | xargs)
[ "$refused" = "src/api/main.exe src/api/unistd.o" ] || {
  echo "run-libc.sh: expected src/api/main.exe and src/api/unistd.o not to compile, and nothing else:" >&2
  cat "$top/refused.txt" >&2
  exit 1
}
# shellcheck disable=SC2086
exec "$build/bin/pl-suite" $where --jobs 6 --timeout 120s --user 1000:1000 --rootfs "$top/root" -w "$top/suite" "$@" "$top/suite"
