#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# make-root.sh BUILD SOURCE ROOT: SOURCE linked dynamically with musl and with glibc, in the image ROOT.img and in the archive ROOT.tar
set -eu
build=$1 source=$2 root=$3
rm -rf "$root" "$root.img"
mkdir -p "$root/bin" "$root/lib"
"$build/bin/pl-cc" -dynamic -O2 -g0 "$source" -o "$root/bin/hello-musl"
riscv64-linux-gnu-gcc -O2 -g0 "$source" -o "$root/bin/hello-glibc"
cp -L "$build/sysroot/lib/ld-musl-riscv64.so.1" "$root/lib"
for library in ld-linux-riscv64-lp64d.so.1 libc.so.6; do
  cp -L "$(riscv64-linux-gnu-gcc -print-file-name=$library)" "$root/lib"
done
tar -C "$root" -cf "$root.tar" .
"$build/bin/pl-image" build "$root" -o "$root.img" >/dev/null
rm -r "$root"
