#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# boot.sh BUILD HARTS [WORD...]: boots a machine whose only process is driver-test WORD..., and fails if that does, or if the
# kernel found fault with the driver. PL_KERNEL names another kernel than the machine's; PL_QEMU_FLAGS are given to QEMU too.
set -eu
build=$1
harts=$2
shift 2
kernel=$build/kernel${PL_KERNEL:+-$PL_KERNEL}
module=${PL_KERNEL:+$PL_KERNEL/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
  echo "dir /dev 755 0 0"
  echo "nod /dev/console 600 0 0 c 5 1"
  echo "file /init $build/riscv-linux/bin/driver-test 755 0 0"
  echo "file /penglai.ko $build/driver/${module}penglai.ko 644 0 0"
  for extra in penglai-faults attack; do
    [ ! -f "$build/tests/driver/$module$extra.ko" ] || echo "file /$extra.ko $build/tests/driver/$module$extra.ko 644 0 0"
  done
  # For the servers that are killed.
  echo "file /pl-run $build/riscv-linux/bin/pl-run 755 0 0"
  echo "file /churn $build/tests/programs/churn 755 0 0"
  for directory in /usr /usr/lib /usr/lib/penglai; do echo "dir $directory 755 0 0"; done
  echo "file /usr/lib/penglai/libos.bin $build/riscv-bare/libos/libos.bin 644 0 0"
} >"$work/list"
"$build/kernel/usr/gen_init_cpio" "$work/list" >"$work/initramfs.cpio"
timeout "${PL_TIMEOUT:-240}" qemu-system-riscv64 -machine virt -m "${PL_MEMORY:-512M}" -smp "$harts" -nographic -monitor none -no-reboot \
  ${PL_QEMU_FLAGS:-} -bios "$build/firmware/penglai-fw.bin" -kernel "$kernel/arch/riscv/boot/Image" \
  -initrd "$work/initramfs.cpio" -append "console=ttyS0 quiet panic=-1 ${PL_APPEND:-} -- $*" </dev/null 2>&1 | tee "$work/log"
if grep -E "WARNING: |BUG: |INFO: (possible|suspicious|task|trying|rcu)" "$work/log" >&2; then exit 1; fi
grep -q "^driver-test: [1-9][0-9]* passed, 0 failed" "$work/log"
