// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/atomic.h>
#include <linux/module.h>

static atomic_t left = ATOMIC_INIT(0);
module_param_named(fail_nth, left.counter, int, 0600);
MODULE_PARM_DESC(fail_nth, "which request for memory fails, counted from now; 0: none");

bool pl_fault(void)
{
	return atomic_read(&left) > 0 && atomic_dec_return(&left) == 0;
}
