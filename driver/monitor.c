// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "monitor.h"

/* A destroy call scrubs for about 100 microseconds at a time: this many are minutes. */
#define PL_DESTROY_CALLS (1u << 20)

int pl_monitor_errno(long error, int stale)
{
	switch (error) {
	case PL_OK:
		return 0;
	case PL_ERR_INVALID:
		return -EINVAL;
	case PL_ERR_STALE:
		return stale;
	case PL_ERR_NO_MEMORY:
	case PL_ERR_NO_ENTRY:
	case PL_ERR_LIMIT:
		return -ENOMEM;
	case PL_ERR_BUSY:
		return -EBUSY;
	case PL_ERR_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	default:
		return -EPROTO;
	}
}

u64 pl_monitor_query(unsigned long item)
{
	struct pl_answer answer = pl_monitor(PL_HOST_QUERY, item, 0, 0, 0);

	return answer.error ? 0 : answer.value;
}

int pl_monitor_start(void)
{
	struct pl_answer answer = pl_monitor(PL_HOST_QUERY, PL_QUERY_VERSION, 0, 0, 0);

	if (answer.error) {
		pr_err("this machine's firmware has no Penglai monitor (SBI extension %#x answers %ld)\n", PL_SBI_EXTENSION,
		       answer.error);
		return -ENODEV;
	}
	if (answer.value != PL_SBI_VERSION) {
		pr_err("the monitor speaks version %llu, this driver version %u\n", answer.value, PL_SBI_VERSION);
		return -ENODEV;
	}
	do {
		answer = pl_monitor(PL_HOST_RESET, 0, 0, 0, 0);
		cond_resched();
		if (signal_pending(current))
			return -EINTR;
	} while (answer.error == PL_ERR_AGAIN);
	if (answer.error) {
		pr_err("the monitor refuses to reset: %ld\n", answer.error);
		return -ENODEV;
	}
	return 0;
}

bool pl_monitor_destroy(u64 id)
{
	unsigned int calls;

	for (calls = 0; calls < PL_DESTROY_CALLS; calls++) {
		struct pl_answer answer = pl_monitor(PL_HOST_DESTROY, id, 0, 0, 0);

		/* Stale: whoever ended it, nothing of it is left. */
		if (likely(answer.error == PL_OK || answer.error == PL_ERR_STALE))
			return true;
		if (answer.error != PL_ERR_AGAIN && answer.error != PL_ERR_BUSY)
			break;
		cond_resched();
	}
	pr_warn_ratelimited("an enclave could not be destroyed yet\n");
	return false;
}

int pl_monitor_inspect(u64 id, struct pl_enclave_info *info)
{
	struct pl_answer answer = pl_monitor(PL_HOST_INSPECT, id, virt_to_phys(info), 0, 0);

	return pl_monitor_errno(answer.error, -EBADF);
}
