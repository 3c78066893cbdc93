#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# make-debian.sh BUILD debian|python: a Debian as a root image (BUILD/tests/NAME.img), and as the archive beside it of which Linux makes
# the same tree in memory (native.sh, pl-bench), without what no job looks at. `python` has little else, for who wants no compiler.
# Every package is as Debian has it. Left out are those that only scripts of packages need, and git's and gcc's that no job uses.
set -eu
build=$1 name=$2
cmake=$(cd "$(dirname "$0")/../../cmake" && pwd)
image=$build/tests/$name.img

base='base-files base-passwd libc6 libgcc-s1 libtinfo6 zlib1g libzstd1 liblzma5 libcrypt1 libgmp10 libpcre2-8-0 libselinux1 libacl1 libattr1
  libcap2 libsystemd0 libssl3t64 bash coreutils perl-base'
text='findutils sed gawk libmpfr6 libreadline8t64 libsigsegv2 grep gzip xz-utils tar diffutils lua5.4'
python='libpython3.13-minimal python3.13-minimal python3-minimal libpython3.13-stdlib python3.13 libpython3-stdlib python3 libexpat1 libbz2-1.0
  libffi8 libncursesw6 libuuid1 libsqlite3-0'
tools='sqlite3 git openssl make'
compiler='gcc gcc-riscv64-linux-gnu gcc-14 gcc-14-riscv64-linux-gnu cpp-14-riscv64-linux-gnu libgcc-14-dev libisl23 libmpc3 binutils
  binutils-riscv64-linux-gnu libbinutils libctf0 libctf-nobfd0 libsframe1 libjansson4 libc6-dev linux-libc-dev'
case $name in
  debian) packages="$base $text $python $tools $compiler" ;;
  python) packages="$base $python" ;;
  *) echo "make-debian.sh BUILD debian|python" >&2; exit 2 ;;
esac
# It is made again when what is pinned of these packages has changed, and not when another's pin has.
made_of=$(for package in $packages; do awk -v name="$package" '$1 == name' "$cmake/sources.txt"; done; sha256sum <"$0")
stamp=$build/tests/$name.made-of
[ -f "$image" ] && [ -f "$build/tests/$name.tar" ] && [ "$image" -nt "$build/bin/pl-image" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$made_of" ] && exit 0
# shellcheck disable=SC2086
archives=$("$cmake/fetch.sh" --packed $packages)
set --
for archive in $archives; do set -- "$@" --deb "$archive"; done
rm -rf "$build/tests/$name" "$build/tests/$name.tar" "$image" "$stamp"
"$build/bin/pl-image" build "$@" -o "$image.new"
fsck.erofs --extract="$build/tests/$name" "$image.new"
tar -C "$build/tests/$name" -cf "$build/tests/$name.tar" --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/info \
  --exclude=./usr/share/locale --exclude=./usr/share/i18n --exclude=gconv --exclude='lib*san*' --exclude=lto1 --exclude='*lto-dump*' --exclude=libc.a --exclude='libm*.a' \
  --exclude='libgomp*' .
rm -r "$build/tests/$name"
mv "$image.new" "$image"
echo "$made_of" >"$stamp"
