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

/*
 * Where the mappings of the next arena begin in the device's address space. Room for the largest each: what is taken out of
 * one arena's mappings leaves those of all others alone.
 */
static atomic64_t next_arena = ATOMIC64_INIT(0);

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
	arena->away = bitmap_zalloc(size / PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	arena->shares = kvcalloc(size / PAGE_SIZE, sizeof(*arena->shares), GFP_KERNEL_ACCOUNT);
	arena->run = kcalloc(runs(arena), sizeof(*arena->run), GFP_KERNEL_ACCOUNT);
	if (!arena->used || !arena->away || !arena->shares || !arena->run)
		goto fail;
	arena->first_page = atomic64_inc_return(&next_arena) * (PL_ARENA_MAX / PAGE_SIZE);
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
	bitmap_free(arena->away);
	kvfree(arena->shares);
}

static struct page *page_at(const struct pl_arena *arena, u64 at)
{
	return virt_to_page(arena->run[at / PL_ARENA_RUN] + at % PL_ARENA_RUN);
}

/* A page that was away when the arena was mapped, or since. */
static vm_fault_t fault(struct vm_fault *fault)
{
	struct pl_arena *arena = fault->vma->vm_private_data;
	unsigned long page = fault->pgoff - arena->first_page;
	vm_fault_t result = VM_FAULT_SIGBUS;
	int error;

	mutex_lock(&arena->lock);
	if (page < arena->size / PAGE_SIZE && !test_bit(page, arena->away)) {
		error = vm_insert_page(fault->vma, fault->address & PAGE_MASK, page_at(arena, (u64)page * PAGE_SIZE));
		/* Another thread may have been first. */
		result = !error || error == -EBUSY ? VM_FAULT_NOPAGE : vmf_error(error);
	}
	mutex_unlock(&arena->lock);
	return result;
}

static const struct vm_operations_struct mapping_operations = {
	.fault = fault,
};

int pl_arena_map(struct pl_arena *arena, struct vm_area_struct *vma)
{
	struct page *pages[16];
	u64 offset;
	int error = 0;

	if (!arena->size || vma->vm_pgoff || vma->vm_end - vma->vm_start != arena->size)
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_EXEC))
		return -EINVAL;
	/* Not to a child (it maps for itself if it is to have it), never longer, never code, in no core file. */
	vm_flags_mod(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP | VM_MIXEDMAP, VM_MAYEXEC);
	vma->vm_ops = &mapping_operations;
	vma->vm_private_data = arena;
	vma->vm_pgoff = arena->first_page;
	/*
	 * All pages now: a fault costs ten times as much. Counted pages and not bare frame numbers, because the server
	 * reads and writes files straight from here and some file systems (9p) pin the pages for that.
	 *
	 * What is taken away before the kernel can find this mapping is not taken out of it; the page's count tells, and
	 * whoever takes it is refused.
	 */
	mutex_lock(&arena->lock);
	for (offset = 0; !error && offset < arena->size; offset += sizeof(pages) / sizeof(pages[0]) * PAGE_SIZE) {
		unsigned long count = ARRAY_SIZE(pages), first = offset / PAGE_SIZE, i;

		/* One of them is away: they come by faults. */
		if (find_next_bit(arena->away, first + count, first) < first + count)
			continue;
		for (i = 0; i < count; i++)
			pages[i] = page_at(arena, offset + i * PAGE_SIZE);
		error = vm_insert_pages(vma, vma->vm_start + offset, pages, &count);
		cond_resched();
	}
	mutex_unlock(&arena->lock);
	return error;
}

int pl_arena_take_away(struct pl_arena *arena, const struct pl_ioc_window *window, struct address_space *mapping)
{
	const unsigned int first = window->offset / PAGE_SIZE, last = first + window->size / PAGE_SIZE - 1;
	unsigned int page;

	/* From here on no page fault brings one of them in. */
	mutex_lock(&arena->lock);
	for (page = first; page <= last; page++)
		set_bit(page, arena->away);
	mutex_unlock(&arena->lock);
	unmap_mapping_range(mapping, (loff_t)(arena->first_page + first) << PAGE_SHIFT, window->size, 1);
	/* Whoever has a page pinned could go on reading and writing it. The one count is the arena's. */
	for (page = first; page <= last; page++) {
		if (page_count(page_at(arena, (u64)page * PAGE_SIZE)) != 1) {
			pl_arena_bring_back(arena, window);
			return -EBUSY;
		}
	}
	return 0;
}

void pl_arena_bring_back(struct pl_arena *arena, const struct pl_ioc_window *window)
{
	unsigned int page;

	for (page = window->offset / PAGE_SIZE; page < (window->offset + window->size) / PAGE_SIZE; page++)
		clear_bit(page, arena->away);
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

static bool is_piece(const struct pl_arena *arena, const struct pl_ioc_window *window)
{
	return window->size >= PAGE_SIZE && window->size <= PL_ARENA_RUN && is_power_of_2(window->size) &&
	       window->offset % window->size == 0 && window->offset < arena->size &&
	       window->size <= arena->size - window->offset;
}

static int claim_alone(struct pl_arena *arena, const struct pl_ioc_window *window)
{
	unsigned int first, words, i;
	unsigned long mask = piece(window, &first, &words);

	for (i = 0; i < words; i++)
		if (arena->used[first + i] & mask)
			return -EBUSY;
	for (i = 0; i < words; i++)
		arena->used[first + i] |= mask;
	return 0;
}

static void release_alone(struct pl_arena *arena, const struct pl_ioc_window *window)
{
	unsigned int first, words, i;
	unsigned long mask = piece(window, &first, &words);

	for (i = 0; i < words; i++)
		arena->used[first + i] &= ~mask;
}

static int claim_shared(struct pl_arena *arena, const struct pl_ioc_window *window)
{
	const unsigned int first = window->offset / PAGE_SIZE, end = first + window->size / PAGE_SIZE;
	unsigned int page;

	for (page = first; page < end; page++)
		if (arena->shares[page] ? arena->shares[page] == U16_MAX : test_bit(page, arena->used))
			return -EBUSY;
	for (page = first; page < end; page++) {
		arena->shares[page]++;
		__set_bit(page, arena->used);
	}
	return 0;
}

static void release_shared(struct pl_arena *arena, const struct pl_ioc_window *window)
{
	const unsigned int first = window->offset / PAGE_SIZE, end = first + window->size / PAGE_SIZE;
	unsigned int page;

	for (page = first; page < end; page++)
		if (!--arena->shares[page])
			__clear_bit(page, arena->used);
}

static void release_some(struct pl_arena *arena, const struct pl_ioc_window *windows, unsigned int count)
{
	unsigned int which;

	for (which = 0; which < count; which++) {
		if (!windows[which].size)
			continue;
		if (which == PL_WINDOW_SHARED)
			release_shared(arena, &windows[which]);
		else
			release_alone(arena, &windows[which]);
	}
}

int pl_arena_claim(struct pl_arena *arena, const struct pl_ioc_window *windows)
{
	unsigned int which;
	int error;

	for (which = 0; which < PL_WINDOWS; which++) {
		const struct pl_ioc_window *window = &windows[which];

		if (!window->size && !window->offset)
			continue;
		if (!is_piece(arena, window))
			error = -EINVAL;
		else if (which == PL_WINDOW_SHARED)
			error = claim_shared(arena, window);
		else
			error = claim_alone(arena, window);
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
