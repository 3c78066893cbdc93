#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh FIRMWARE PAYLOAD HARTS CPU [QEMU OPTION...]: boots the payload and shows its report; fails unless every line is "ok".
firmware=$1 payload=$2 harts=$3 cpu=$4
shift 4
report=$(timeout -k 5 "${PL_BARE_TIMEOUT:-240}" qemu-system-riscv64 -M virt -m 2G -smp "$harts" -cpu "$cpu" -display none -serial stdio \
  -monitor none -no-reboot -bios "$firmware" -kernel "$payload" "$@" </dev/null 2>&1 | tr -d '\000\r')
printf '%s\n' "$report" | sed -n '/^# harts/,$p;/^qemu/p'
case $report in
*"not ok"*) exit 1 ;;
*"# passed"*) exit 0 ;;
esac
echo "# no report: the machine hung or did not start" >&2
printf '%s\n' "$report" | tail -5 >&2
exit 1
