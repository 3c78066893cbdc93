#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# install.sh: makes this RISC-V machine ready for fork-host: loads the driver, if nobody has, and gives the device the name that programs
# of the tutorial's API open. On a board the link is best left to udev: 99-penglai.rules beside this file.
set -u
module=${PENGLAI_MODULE:-/lib/modules/penglai.ko}

if [ ! -e /dev/penglai ]; then
  insmod "$module" 2>/dev/null || modprobe penglai 2>/dev/null || {
    echo "install.sh: no /dev/penglai, and $module cannot be loaded (as root? on a machine with the Penglai monitor?)" >&2
    exit 1
  }
fi
if [ ! -e /dev/penglai_enclave_dev ]; then
  ln -s penglai /dev/penglai_enclave_dev || exit 1
fi
echo "install.sh: ready: $(ls -l /dev/penglai_enclave_dev | sed 's/.* \(\/dev\)/\1/')"
