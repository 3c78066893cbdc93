#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# make-initramfs.sh OUTPUT GENERATOR COMMANDS LIBOS MODULE BUSYBOX TUTORIAL: the machine's whole root file system. Host files are shared in at
# run time, so it holds only what the machine needs to serve a pl-run. Uncompressed: it is in RAM already when the kernel looks.
#   GENERATOR  the kernel's gen_init_cpio       COMMANDS  the directory of the RISC-V commands (pl-agent is /init)
#   LIBOS      libos.bin, libos.symbols beside   MODULE    penglai.ko
#   BUSYBOX    Debian's, for `pl-machine shell`   TUTORIAL   the directory of fork-host
# OUTPUT is left alone when nothing in it would change.
set -eu
[ $# -eq 7 ] || {
  echo "usage: make-initramfs.sh OUTPUT GENERATOR COMMANDS LIBOS MODULE BUSYBOX TUTORIAL" >&2
  exit 1
}
output=$1 generator=$2 commands=$3 libos=$4 module=$5 busybox=$6 tutorial=$7

for file in "$generator" "$commands/pl-agent" "$libos" "${libos%.bin}.symbols" "$module" "$busybox" "$tutorial/fork-host"; do
  [ -f "$file" ] || {
    echo "initramfs: $file is missing" >&2
    exit 1
  }
done

work=$output.work
mkdir -p "$work/bin" "$work/etc"

# Programs keep their symbols in the build tree; here they would only be copied at every start of the machine.
# A command that is a link to another is one there, too.
for program in "$commands"/pl-*; do
  [ ! -L "$program" ] || continue
  stripped=$work/bin/${program##*/}
  if [ ! -f "$stripped" ] || [ "$program" -nt "$stripped" ]; then
    llvm-strip-19 "$program" -o "$stripped"
  fi
done
for stripped in "$work/bin"/pl-*; do
  [ -f "$commands/${stripped##*/}" ] && [ ! -L "$commands/${stripped##*/}" ] || rm -f "$stripped"
done

{
  for directory in dev proc sys run etc host root lib lib/modules usr usr/bin usr/lib usr/lib/penglai \
    usr/lib/penglai/fork-host; do
    echo "dir /$directory 0755 0 0"
  done
  echo "dir /tmp 1777 0 0"
  echo "nod /dev/console 0600 0 0 c 5 1"
  echo "nod /dev/null 0666 0 0 c 1 3"
  echo "slink /bin usr/bin 0777 0 0"
  echo "slink /init usr/bin/pl-agent 0777 0 0"
  for stripped in "$work/bin"/pl-*; do
    echo "file /usr/bin/${stripped##*/} $stripped 0755 0 0"
  done
  for program in "$commands"/pl-*; do
    [ ! -L "$program" ] || echo "slink /usr/bin/${program##*/} $(readlink "$program") 0777 0 0"
  done
  echo "file /usr/bin/busybox $busybox 0755 0 0"
  for name in ash awk basename cat chmod chown cp cut date dd df dirname dmesg du echo env expr false find free grep gunzip gzip head \
    hexdump hostname id kill ln ls md5sum mkdir mktemp more mount mv nproc od printf ps pwd readlink realpath rm rmdir sed seq sh \
    sha256sum sleep sort stat strings stty sync tail tar tee test time timeout top touch tr true tty umount uname uniq uptime usleep \
    vi wc which who xargs yes; do
    echo "slink /usr/bin/$name busybox 0777 0 0"
  done
  echo "file /usr/lib/penglai/libos.bin $libos 0644 0 0"
  echo "file /usr/lib/penglai/libos.symbols ${libos%.bin}.symbols 0644 0 0"
  for file in "$tutorial"/*; do
    echo "file /usr/lib/penglai/fork-host/${file##*/} $file 0755 0 0"
  done
  echo "file /lib/modules/penglai.ko $module 0644 0 0"
  echo "file /etc/passwd $work/etc/passwd 0644 0 0"
  echo "file /etc/group $work/etc/group 0644 0 0"
} >"$work/list.new"

if [ -f "$output" ] && cmp -s "$work/list.new" "$work/list" &&
  [ -z "$(find "$work/bin" "$libos" "$module" "$busybox" "$tutorial" "$0" -newer "$output" -type f)" ]; then
  exit 0
fi

# The group of /dev/penglai. Clients' users are known by number only: the machine has no user data base of its own.
printf 'root:x:0:0:root:/:/bin/sh\n' >"$work/etc/passwd"
printf 'root:x:0:\npenglai:x:900:\n' >"$work/etc/group"
"$generator" -t 0 "$work/list.new" >"$output.partial"
mv "$work/list.new" "$work/list"
mv "$output.partial" "$output"
echo "initramfs: $(du -k "$output" | cut -f1) KiB"
