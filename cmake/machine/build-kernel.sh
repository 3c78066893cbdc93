#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# build-kernel.sh LINK CONFIG...: the machine's Linux, built from Debian's linux-source package with the given fragments, kept in
# the cache by content, and LINK pointing at its build tree (arch/riscv/boot/Image, and all that an external module needs).
set -eu

cache=${PL_CACHE:-$HOME/.cache/penglai}
tarball=/usr/src/linux-source-6.1.tar.xz

die() {
  echo "kernel: $*" >&2
  exit 1
}

[ $# -ge 2 ] || die "usage: build-kernel.sh LINK CONFIG..."
link=$1
shift
recipe=1 # raise it when the steps below change what is built
version=$(dpkg-query --show --showformat '${Version}' linux-source-6.1)
compiler=$(riscv64-linux-gnu-gcc -dumpfullversion)
key=$({ echo "$recipe $version $compiler"; cat "$@"; } | sha256sum | cut -c1-16)
source=$cache/src/linux-$version
build=$cache/linux/$version-$key

jobs=$(nproc)
make_kernel() {
  make -s -C "$source" O="$build.partial" ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu- \
    KBUILD_BUILD_USER=penglai KBUILD_BUILD_HOST=machine KBUILD_BUILD_TIMESTAMP=2025-01-01 "$@"
}

mkdir -p "$cache/src" "$cache/linux"

exec 9>"$source.lock"
flock 9
if [ ! -d "$source" ]; then
  echo "kernel: unpack Linux $version"
  rm -rf "$source.partial"
  mkdir -p "$source.partial"
  tar -xf "$tarball" -C "$source.partial" --strip-components=1 --no-same-owner
  mv "$source.partial" "$source"
fi

# The compilation of another configuration holds nobody up.
exec 9>"$build.lock"
flock 9
if [ ! -d "$build" ]; then
  # A partial tree of the same key is carried on with: make knows what is done.
  mkdir -p "$build.partial"
  cat "$@" >"$build.partial/fragment"
  make_kernel KCONFIG_ALLCONFIG="$build.partial/fragment" allnoconfig
  # Kconfig drops what it cannot satisfy without a word.
  while read -r line; do
    case $line in
      "# CONFIG_"*" is not set")
        option=${line#\# }
        ! grep -q "^${option%% *}=" "$build.partial/.config" || die "Kconfig turned on ${option%% *}"
        ;;
      CONFIG_*) grep -qxF -- "$line" "$build.partial/.config" || die "Kconfig dropped $line" ;;
    esac
  done <"$build.partial/fragment"
  echo "kernel: compile Linux $version (a few minutes, once)"
  make_kernel -j"$jobs" Image modules
  mv "$build.partial" "$build"
fi

"$(dirname "$0")/../link-tree.sh" "$build" "$link" arch/riscv/boot/Image
