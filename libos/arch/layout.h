/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the libOS's address space has its parts (Sv39). Shared by C++, assembly and the linker script. */
#ifndef PL_LAYOUT_H
#define PL_LAYOUT_H

/* Programs: the lower half. */
#define PL_USER_END 0x4000000000
/* The frame window: all of physical memory. Only PMP decides what is reachable through it. */
#define PL_FRAME_WINDOW 0xffffffd000000000
/*
 * The object window: one entry of the root table. Its first 2 MiB hold the image, its own memory and the first of the heap; the second what
 * a fork has of its own from the start: the hot block, the first stacks, and room for objects of its own.
 */
#define PL_OBJECT_WINDOW 0xffffffff80000000
#define PL_PRIVATE_WINDOW 0xffffffff80200000
#define PL_OBJECT_ROOT_INDEX 510
#define PL_PRIVATE_INDEX 1 /* in the table below */
#define PL_FRAME_ROOT_INDEX 320

/* The boot page begins with struct pl_boot and what early code hands on. In a fork it is the first page of the hot block. */
#define PL_BOOT_HANDOVER 320
#define PL_BOOT_BYTES 448

/* struct ContextBlock, struct TrapFrame and class Thread, as traps.S sees them. */
#define PL_CONTEXT_SCRATCH 0
#define PL_CONTEXT_FAULT_STACK 16
#define PL_CONTEXT_KERNEL_STACK 24
#define PL_CONTEXT_THREAD 32
#define PL_CONTEXT_CALLS 40
#define PL_FRAME_PC 256
#define PL_FRAME_STATUS 264
/* class Thread begins with its frame. */
#define PL_THREAD_WORK 272
#define PL_THREAD_ORIGINAL_A0 280

#define PL_CAUSE_USER_CALL 8
/* System calls have numbers below this. */
#define PL_SYSTEM_CALL_LIMIT 464

#endif
