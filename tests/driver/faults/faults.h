/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Included before each source of the driver: what it asks the kernel for, it does not get when it is that one's turn. The
 * module's parameter fail_nth says which: 1 the next, 2 the one after, 0 none.
 */
#ifndef PENGLAI_TESTS_FAULTS_H
#define PENGLAI_TESTS_FAULTS_H

#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

bool pl_fault(void);

#define PL_FAULTY(type, nothing, name, parameters, arguments)     \
	static inline type pl_faulty_##name parameters                \
	{                                                             \
		return pl_fault() ? nothing : name arguments;             \
	}

PL_FAULTY(void *, NULL, kmalloc, (size_t size, gfp_t flags), (size, flags))
PL_FAULTY(void *, NULL, kzalloc, (size_t size, gfp_t flags), (size, flags))
PL_FAULTY(void *, NULL, kcalloc, (size_t count, size_t size, gfp_t flags), (count, size, flags))
PL_FAULTY(void *, NULL, kvcalloc, (size_t count, size_t size, gfp_t flags), (count, size, flags))
PL_FAULTY(void *, NULL, kmem_cache_zalloc, (struct kmem_cache *cache, gfp_t flags), (cache, flags))
PL_FAULTY(unsigned long *, NULL, bitmap_zalloc, (unsigned int bits, gfp_t flags), (bits, flags))
PL_FAULTY(void *, NULL, alloc_pages_exact, (size_t size, gfp_t flags), (size, flags))
PL_FAULTY(int, -ENOMEM, xa_insert, (struct xarray *array, unsigned long index, void *entry, gfp_t flags), (array, index, entry, flags))
PL_FAULTY(int, -ENOMEM, misc_register, (struct miscdevice *device), (device))
PL_FAULTY(int, -ENOMEM, vm_insert_pages, (struct vm_area_struct *vma, unsigned long address, struct page **pages, unsigned long *count),
	  (vma, address, pages, count))
PL_FAULTY(int, -ENOMEM, pin_user_pages_fast, (unsigned long start, int count, unsigned int flags, struct page **pages),
	  (start, count, flags, pages))

#undef kmalloc
#undef kzalloc
#undef kcalloc
#undef kvcalloc
#undef kmem_cache_zalloc
#undef bitmap_zalloc
#undef alloc_pages_exact
#define kmalloc pl_faulty_kmalloc
#define kzalloc pl_faulty_kzalloc
#define kcalloc pl_faulty_kcalloc
#define kvcalloc pl_faulty_kvcalloc
#define kmem_cache_zalloc pl_faulty_kmem_cache_zalloc
#define bitmap_zalloc pl_faulty_bitmap_zalloc
#define alloc_pages_exact pl_faulty_alloc_pages_exact
#define xa_insert pl_faulty_xa_insert
#define misc_register pl_faulty_misc_register
#define vm_insert_pages pl_faulty_vm_insert_pages
#define pin_user_pages_fast pl_faulty_pin_user_pages_fast

/* These two are macros of variable arguments in some kernels. */
static inline struct kmem_cache *pl_faulty_cache(const char *name, unsigned int size, unsigned int align, slab_flags_t flags,
						 void (*construct)(void *))
{
	return pl_fault() ? NULL : kmem_cache_create(name, size, align, flags, construct);
}

static inline struct workqueue_struct *pl_faulty_queue(const char *name, unsigned int flags)
{
	return pl_fault() ? NULL : alloc_workqueue("%s", flags, 0, name);
}

#undef kmem_cache_create
#undef alloc_workqueue
#define kmem_cache_create pl_faulty_cache
#define alloc_workqueue(name, flags, active) pl_faulty_queue(name, flags)

#endif
