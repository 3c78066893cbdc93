#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# debian-kernel.sh LINK: Debian's own kernel for RISC-V as its packages have it, not compiled here, kept in the cache by content.
# LINK points at a tree like that of build-kernel.sh: the image at arch/riscv/boot/Image, and all that an external module needs.
#
# A board's owner builds modules for it with Debian 13's compiler, on the board. Here the cross compiler of this machine does it,
# and the kernel's build tools for this machine's processor, whose C library is newer than ours and comes along.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${PL_CACHE:-$HOME/.cache/penglai}
parts="linux-image-6.12 linux-headers-6.12 linux-headers-6.12-common linux-kbuild-6.12 libc6-amd64"

[ $# -eq 1 ] || {
  echo "usage: debian-kernel.sh LINK" >&2
  exit 1
}
link=$1
recipe=1 # raise it when the steps below change what is made
for part in $parts; do "$here/../fetch.sh" "$part"; done
key=$({ echo "$recipe"; for part in $parts; do cat "$cache/src/$part/.pinned"; done; } | sha256sum | cut -c1-16)
tree=$cache/linux/debian-$key

mkdir -p "$cache/linux"
exec 9>"$cache/linux/debian.lock"
flock 9
if [ ! -d "$tree" ]; then
  rm -rf "$tree.partial"
  mkdir -p "$tree.partial"
  for part in $parts; do cp -a "$cache/src/$part/." "$tree.partial"; done
  headers=$(echo "$tree.partial"/usr/src/linux-headers-*-riscv64)
  tools=$(echo "$tree.partial"/usr/lib/linux-kbuild-*)
  mkdir -p "$headers/arch/riscv/boot"
  mv "$tree.partial"/boot/vmlinux-* "$headers/arch/riscv/boot/Image"

  # The packages expect to be in /usr.
  sed -i 's|/usr/src/|../|' "$headers/Makefile"
  # The compiler is another than the configuration was made for: what this one lacks is switched off, and the makefiles have an
  # alternative. Type information for BPF would need the whole kernel.
  sed -i 's/gcc-[0-9]*$/gcc/' "$headers/.kernelvariables"
  sed -i -e '/^CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=/d' -e '/^CONFIG_DEBUG_INFO_BTF_MODULES=/d' "$headers/include/config/auto.conf"
  rm -f "$headers/vmlinux"
  rm "$tools/scripts/mod/modpost"
  cat >"$tools/scripts/mod/modpost" <<'SCRIPT'
#!/bin/sh
mod=$(dirname "$0")
library=$mod/../../../x86_64-linux-gnu
exec "$library/ld-linux-x86-64.so.2" --library-path "$library" "$mod/modpost.real-lsb-64" "$@"
SCRIPT
  chmod +x "$tools/scripts/mod/modpost"
  mv "$tree.partial" "$tree"
fi

"$here/../link-tree.sh" "$(echo "$tree"/usr/src/linux-headers-*-riscv64)" "$link" arch/riscv/boot/Image
