#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# link-kernel.sh TREE LINK: makes LINK point at a kernel's tree in the cache, so that what depends on its image sees another kernel.
set -eu
tree=$1 link=$2

mkdir -p "$(dirname "$link")"
if [ -d "$link" ] && [ ! -L "$link" ]; then
  find "$link" -depth -type d -empty -delete # ninja makes the folders of what it expects
fi
if [ "$(readlink "$link" || true)" != "$tree" ]; then
  touch "$tree/arch/riscv/boot/Image" # another kernel than before, however old: what was built against the last one is stale
  ln -sfn "$tree" "$link"
fi
