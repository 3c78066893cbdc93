#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# make-debian.sh BUILD: a small Debian as a root image (BUILD/tests/debian.img) and, for a look from Linux itself, as a directory beside it.
set -eu
build=$1
cmake=$(cd "$(dirname "$0")/../../cmake" && pwd)
cache=${PL_CACHE:-$HOME/.cache/penglai}
set --
for name in base-files base-passwd libc6 libgcc-s1 libtinfo6 bash coreutils libacl1 libattr1 libgmp10 libselinux1 libpcre2-8-0 libssl3t64 \
  libcap2 libzstd1 zlib1g libsystemd0 libcrypt1 perl-base libexpat1 libpython3.13-minimal python3.13-minimal python3-minimal; do
  "$cmake/fetch.sh" "$name"
  set -- "$@" --deb "$cache/archives/$(awk -v name="$name" '$1 == name { print $4 }' "$cmake/sources.txt")"
done
image=$build/tests/debian.img
[ -f "$image" ] && [ "$image" -nt "$cmake/sources.txt" ] && [ "$image" -nt "$build/bin/pl-image" ] && exit 0
"$build/bin/pl-image" build "$@" -o "$image"
rm -rf "$build/tests/debian"
fsck.erofs --extract="$build/tests/debian" "$image"
