/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The arena: a descriptor's own host memory, out of which its enclaves' windows are cut.
 *
 * It is set once and stays until the descriptor and every enclave that could reach a piece are gone. A window is at
 * most 2 MiB and naturally aligned, so the arena need only be contiguous in runs of that length.
 */
#ifndef PENGLAI_ARENA_H
#define PENGLAI_ARENA_H

#include <linux/io.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <penglai/ioctl.h>
#include <penglai/sbi.h>

#define PL_ARENA_MIN SZ_64K
#define PL_ARENA_MAX SZ_1G
#define PL_ARENA_RUN SZ_2M

struct pl_arena {
	u64 size;	     /* 0: none yet */
	unsigned long *used; /* a bit a page: in a window of an enclave that is not confirmed ended */
	void **run;	     /* one for each PL_ARENA_RUN */
	u16 *shares;	     /* a count a page: shared windows that it is in */
	/*
	 * A bit a page: an enclave holds it in a relay window, so no mapping may show it. Set with the lock held, which a page
	 * fault holds too; cleared without.
	 */
	unsigned long *away;
	struct mutex lock;
	unsigned long first_page; /* of its mappings, by which they are found again: no two arenas have one in common */
};

/*
 * Fills an arena that is all zero; where it ends up, its lock is to be initialized. -EINVAL, -ENOMEM; -EINTR: this thread
 * is to die.
 */
int pl_arena_allocate(struct pl_arena *arena, u64 size);
/* Gives the pages back; a page that someone still has pinned goes when it is let go. */
void pl_arena_free(struct pl_arena *arena);
/* The whole arena, at once, into the process that asks; but for what is away. */
int pl_arena_map(struct pl_arena *arena, struct vm_area_struct *vma);

/*
 * Marks the pieces (by PL_WINDOW_*) as in use, all or none. -EINVAL for one that is not a naturally aligned power of two
 * within the arena, -EBUSY for one in use. The caller holds the descriptor's lock.
 */
int pl_arena_claim(struct pl_arena *arena, const struct pl_ioc_window *windows);
void pl_arena_release(struct pl_arena *arena, const struct pl_ioc_window *windows);

/*
 * Takes a piece out of every mapping, for good until pl_arena_bring_back(). -EBUSY: a page is held by other means than a
 * mapping. Sleeps. `mapping` is the device's.
 */
int pl_arena_take_away(struct pl_arena *arena, const struct pl_ioc_window *window, struct address_space *mapping);
void pl_arena_bring_back(struct pl_arena *arena, const struct pl_ioc_window *window);

static inline u64 pl_arena_address(const struct pl_arena *arena, u32 offset)
{
	return virt_to_phys(arena->run[offset / PL_ARENA_RUN]) + offset % PL_ARENA_RUN;
}

#endif
