/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PL_PLATFORM_H
#define PL_PLATFORM_H

#include "../../arch/firmware.h"

/* What the boot needs to know of the machine. Leaves the tree as it is. */
void pl_read_device_tree(const void *fdt, struct pl_machine *machine);
/* The boot seed is the monitor's: the host finds another in its place, or, without a monitor, its own. */
void pl_replace_seed(void *fdt, struct pl_machine *machine, int with_monitor);

#endif
