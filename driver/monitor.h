/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The calls to the monitor. Everything the driver asks of M-mode goes through here. */
#ifndef PENGLAI_MONITOR_H
#define PENGLAI_MONITOR_H

#include <linux/types.h>
#include <penglai/sbi.h>

struct pl_answer {
	long error;
	u64 value;
};

/*
 * The kernel's own sbi_ecall() changed its shape between releases and is a call more on the way of every fork; the
 * convention itself (SBI 2.0, chapter 3) does not change: a0 and a1 come back, every other register is preserved.
 */
static __always_inline struct pl_answer pl_monitor(unsigned long function, unsigned long arg0, unsigned long arg1,
						   unsigned long arg2, unsigned long arg3)
{
	register unsigned long a0 asm("a0") = arg0;
	register unsigned long a1 asm("a1") = arg1;
	register unsigned long a2 asm("a2") = arg2;
	register unsigned long a3 asm("a3") = arg3;
	register unsigned long a6 asm("a6") = function;
	register unsigned long a7 asm("a7") = PL_SBI_EXTENSION;

	asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a6), "r"(a7) : "memory");
	return (struct pl_answer){ .error = (long)a0, .value = a1 };
}

/* The errno of a monitor error. `stale` is what an id that is no more means to this caller. */
int pl_monitor_errno(long error, int stale);

/* 0 where the item is unknown. */
u64 pl_monitor_query(unsigned long item);

/* -ENODEV without a monitor that speaks our version; otherwise frees what an earlier kernel left. */
int pl_monitor_start(void);

/*
 * Ends an enclave. true once the monitor has confirmed that it is no more, so that its windows can be used again.
 * Sleeps. It gives up after a number of calls that only a broken monitor reaches; the caller then tries again later.
 */
bool pl_monitor_destroy(u64 id);

/* Fills `info`, which must not cross a page and must be in the linear map (kmalloc of a power of two is). */
int pl_monitor_inspect(u64 id, struct pl_enclave_info *info);

#endif
