#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make-root.sh BUILD: a small Debian 13 for a RISC-V board at BUILD/tests/board/root, of unmodified packages, with what
# `cmake --install` puts on a board and the module built from the sources that came with it; BUILD/tests/board/root.cpio is its archive.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
top=$(cd "$here/../.." && pwd)
cache=${PL_CACHE:-$HOME/.cache/penglai}
root=$build/tests/board/root

rm -rf "$root" "$root.cpio"
mkdir -p "$root"

# Documentation, translations and character sets would only make the archive larger.
for package in $(awk '/^#/ { board = /Debian 13 for RISC-V/ } !/^#/ && board { print $1 }' "$top/cmake/sources.txt"); do
  "$top/cmake/fetch.sh" "$package"
  (cd "$cache/src/$package" && find . '(' -path ./usr/share/doc -o -path ./usr/share/man -o -path ./usr/share/locale -o -name gconv \
    -o -path ./usr/lib/udev/hwdb.d -o -name .pinned ')' -prune -o -print0 | cpio --quiet -0pdm "$root")
done

DESTDIR=$root cmake --install "$build" --component board --prefix /usr >"$build/tests/board/install.log"
for command in "$root"/usr/bin/pl-*; do llvm-strip-19 "$command"; done

# What `dkms install` does on the board, with the file that tells it how.
# shellcheck disable=SC2034,SC1091
module() {
  local kernel_source_dir=$build/kernel-debian dkms_tree=$build/tests/board/dkms release
  release=$(cat "$kernel_source_dir/include/config/kernel.release")
  . "$(echo "$root"/usr/src/penglai-*)/dkms.conf"
  local copy=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build
  rm -rf "$copy"
  mkdir -p "$(dirname "$copy")"
  cp -a "$root/usr/src/$PACKAGE_NAME-$PACKAGE_VERSION" "$copy"
  eval "${MAKE[0]}" >"$dkms_tree/make.log" 2>&1 || {
    cat "$dkms_tree/make.log" >&2
    return 1
  }
  local place=$root/usr/lib/modules/$release
  install -D -m 644 "$copy/${BUILT_MODULE_LOCATION[0]}/${BUILT_MODULE_NAME[0]}.ko" -t "$place${DEST_MODULE_LOCATION[0]}"
  touch "$place"/modules.{order,builtin,builtin.modinfo} # of the kernel's own modules none is needed
  depmod -b "$root" "$release"
}
module

mkdir -p "$root"/{proc,sys,dev,run,tmp,root,home/user}
cp "$here/init" "$root/init"
cp "$here/as_user" "$root/usr/bin"
ln -s as_user "$root/usr/bin/as_stranger"
printf '%s\n' 'root:x:0:0:root:/root:/bin/bash' 'user:x:1000:1000::/home/user:/bin/bash' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'user:x:1000:' >"$root/etc/group"
cp "$build/tests/busybox" "$build"/tests/programs/exit-with "$root/home/user"
(cd "$root" && find . -print0 | cpio --quiet -0 -o -H newc -R 0:0) >"$root.cpio"
echo "board: $(du -m "$root.cpio" | cut -f1) MiB"
