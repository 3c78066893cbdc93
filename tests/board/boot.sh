#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# boot.sh BUILD: boots Debian's own kernel on the project's firmware, with the root of make-root.sh, and runs the script on standard
# input there as root. Standard output is what it wrote; the exit status is 0 if the board turned itself off. The console's log is
# BUILD/tests/board/console.log.
set -eu
build=$1
work=$(mktemp -d)
trap 'mv -f "$work/console.log" "$build/tests/board/" 2>/dev/null; rm -rf "$work"' EXIT
mkdir "$work/extra"
cat >"$work/extra/commands"
# The kernel takes archives that follow one another for one.
{
  cat "$build/tests/board/root.cpio"
  (cd "$work/extra" && echo commands | cpio --quiet -o -H newc -R 0:0)
} >"$work/initrd"
timeout "${PL_TIMEOUT:-300}" qemu-system-riscv64 -machine virt -m 1G -smp 2 -nodefaults -display none -no-reboot \
  -bios "$build/firmware/penglai-fw.bin" -kernel "$build/kernel-debian/arch/riscv/boot/Image" -initrd "$work/initrd" \
  -append "console=ttyS0 quiet panic=-1" -serial "file:$work/console.log" \
  -device virtio-serial-pci -chardev "file,id=test,path=$work/out" -device virtserialport,chardev=test,name=test </dev/null >&2
cat "$work/out"
