#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# link-tree.sh TREE LINK FILE: makes LINK point at a tree in the cache. FILE, in the tree, is what others depend on: they see another one when
# the link moves.
set -eu
tree=$1 link=$2 file=$3

mkdir -p "$(dirname "$link")"
if [ -d "$link" ] && [ ! -L "$link" ]; then
  find "$link" -depth -type d -empty -delete # ninja makes the folders of what it expects
fi
if [ "$(readlink "$link" || true)" != "$tree" ]; then
  touch "$tree/$file" # another tree than before, however old: what was built with the last one is stale
  ln -sfn "$tree" "$link"
fi
