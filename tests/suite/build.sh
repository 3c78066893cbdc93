#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build.sh CC DIRECTORY: this suite, built as a user's makefile would.
set -eu
here=$(dirname "$0") cc=$1 to=$2
mkdir -p "$to/nested"
for name in passes fails skips hangs crashes leaves_children nested/reads_its_data nested/writes; do
  "$cc" -O1 -Wall "$here/$name.c" -o "$to/$name"
done
"$cc" -shared -fPIC "$here/nested/plugin.c" -o "$to/nested/libplugin.so"
"$cc" -shared -fPIC "$here/nested/beside.c" -o "$to/nested/libbeside.so"
"$cc" -dynamic -O1 "$here/nested/links_dynamically.c" -o "$to/nested/links_dynamically" -L"$to/nested" -lbeside -Wl,-rpath,'$ORIGIN'
cp "$here/nested/data.txt" "$to/nested/"
