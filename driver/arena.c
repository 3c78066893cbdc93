// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "arena.h"
#include "kernel.h"

static u64 run_size(const struct pl_arena *arena)
{
	return min_t(u64, arena->size, PL_ARENA_RUN);
}

static unsigned int runs(const struct pl_arena *arena)
{
	return DIV_ROUND_UP(arena->size, PL_ARENA_RUN);
}

int pl_arena_allocate(struct pl_arena *arena, u64 size)
{
	int error = -ENOMEM;
	unsigned int i;

	if (size < PL_ARENA_MIN || size > PL_ARENA_MAX || !is_power_of_2(size))
		return -EINVAL;
	arena->size = size;
	arena->used = bitmap_zalloc(size / PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	arena->run = kcalloc(runs(arena), sizeof(*arena->run), GFP_KERNEL_ACCOUNT);
	if (!arena->used || !arena->run)
		goto fail;
	for (i = 0; i < runs(arena); i++) {
		if (fatal_signal_pending(current)) {
			error = -EINTR;
			goto fail;
		}
		/* Separate pages, not one compound page: each is counted by itself while it is mapped or pinned. */
		arena->run[i] = alloc_pages_exact(run_size(arena), GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
		if (!arena->run[i])
			goto fail;
		cond_resched();
	}
	return 0;
fail:
	pl_arena_free(arena);
	return error;
}

void pl_arena_free(struct pl_arena *arena)
{
	unsigned int i;

	for (i = 0; arena->run && i < runs(arena); i++)
		if (arena->run[i])
			free_pages_exact(arena->run[i], run_size(arena));
	kfree(arena->run);
	bitmap_free(arena->used);
	memset(arena, 0, sizeof(*arena));
}

int pl_arena_map(struct pl_arena *arena, struct vm_area_struct *vma)
{
	struct page *pages[16];
	u64 offset;
	int error;

	if (!arena->size || vma->vm_pgoff || vma->vm_end - vma->vm_start != arena->size)
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_EXEC))
		return -EINVAL;
	/* Not to a child (it maps for itself if it is to have it), never longer, never code, in no core file. */
	vm_flags_mod(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP, VM_MAYEXEC);
	/*
	 * All pages now: a fault costs ten times as much. Counted pages and not bare frame numbers, because the server
	 * reads and writes files straight from here and some file systems (9p) pin the pages for that.
	 */
	for (offset = 0; offset < arena->size; offset += sizeof(pages) / sizeof(pages[0]) * PAGE_SIZE) {
		unsigned long count = ARRAY_SIZE(pages), i;

		for (i = 0; i < count; i++) {
			u64 at = offset + i * PAGE_SIZE;

			pages[i] = virt_to_page(arena->run[at / PL_ARENA_RUN] + at % PL_ARENA_RUN);
		}
		error = vm_insert_pages(vma, vma->vm_start + offset, pages, &count);
		if (error)
			return error;
		cond_resched();
	}
	return 0;
}

/*
 * A naturally aligned power of two of pages is a part of one word of the bitmap, or whole words: nothing to search.
 * Returns the mask in the first word, and the number of words.
 */
static unsigned long piece(const struct pl_ioc_window *window, unsigned int *first, unsigned int *words)
{
	unsigned int page = window->offset / PAGE_SIZE, pages = window->size / PAGE_SIZE;

	*first = page / BITS_PER_LONG;
	*words = max(pages / BITS_PER_LONG, 1u);
	return pages >= BITS_PER_LONG ? ~0ul : ((1ul << pages) - 1) << (page % BITS_PER_LONG);
}

static int claim_one(struct pl_arena *arena, const struct pl_ioc_window *window)
{
	unsigned int first, words, i;
	unsigned long mask;

	if (window->size < PAGE_SIZE || window->size > PL_ARENA_RUN || !is_power_of_2(window->size) ||
	    window->offset % window->size || window->offset >= arena->size || window->size > arena->size - window->offset)
		return -EINVAL;
	mask = piece(window, &first, &words);
	for (i = 0; i < words; i++)
		if (arena->used[first + i] & mask)
			return -EBUSY;
	for (i = 0; i < words; i++)
		arena->used[first + i] |= mask;
	return 0;
}

static void release_some(struct pl_arena *arena, const struct pl_ioc_window *windows, unsigned int count)
{
	unsigned int which, first, words, i;

	for (which = 0; which < count; which++) {
		unsigned long mask;

		if (!windows[which].size)
			continue;
		mask = piece(&windows[which], &first, &words);
		for (i = 0; i < words; i++)
			arena->used[first + i] &= ~mask;
	}
}

int pl_arena_claim(struct pl_arena *arena, const struct pl_ioc_window *windows)
{
	unsigned int which;
	int error;

	for (which = 0; which < PL_WINDOWS; which++) {
		if (!windows[which].size) {
			if (!windows[which].offset)
				continue;
			error = -EINVAL;
		} else {
			error = claim_one(arena, &windows[which]);
		}
		if (error) {
			release_some(arena, windows, which);
			return error;
		}
	}
	return 0;
}

void pl_arena_release(struct pl_arena *arena, const struct pl_ioc_window *windows)
{
	release_some(arena, windows, PL_WINDOWS);
}
