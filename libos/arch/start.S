/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The beginnings: cold at the image's first byte, in a fork at fork_start or resume_start. All come with satp 0, at the physical address of a
 * measured image, and leave through enable_paging() for the object window.
 */
#include "arch/layout.h"

	.section .header, "ax"
	.option norvc
	.globl _start
_start:
	j	cold_start
	nop
	.dword	0x534f62694c4c50	/* PL_LIBOS_MAGIC */
	.dword	__image_size
	.dword	__memory_size
	.option rvc

	/* a0 = boot page */
cold_start:
	mv	s0, a0
	li	t0, 4096
	add	sp, a0, t0
	call	early_cold		/* -> satp */
	la	a1, cold_continue
	j	enable_paging
	.align 2
cold_continue:
	la	tp, context_blocks
	la	sp, __boot_stack_top
	mv	a0, s0
	call	cold_main

	/* a0 = boot page, a2 = physical address of the freeze record */
	.macro fork_entry name, main
	.globl \name
\name:
	mv	s0, a0
	lui	t0, %hi(__hot_size + 4096)	/* early code's stack: the kernel stack's page, behind the hot block */
	addi	t0, t0, %lo(__hot_size + 4096)
	add	sp, a0, t0
	mv	a1, a2
	call	early_fork		/* -> satp */
	la	a1, 1f
	j	enable_paging
	.align 2
1:
	la	tp, context_blocks
	la	sp, __boot_stack_top
	mv	a0, s0
	call	\main
	.endm

	fork_entry resume_start, resume_main	/* where its template's program had come to */
	fork_entry fork_start, fork_main	/* with the program's first instruction */

	/*
	 * a0 = satp, a1 = physical address to go on from. The next fetch finds no mapping, traps, and stvec takes it to the same
	 * place in the object window.
	 */
enable_paging:
	la	t0, _start
	sub	a1, a1, t0
	li	t0, PL_OBJECT_WINDOW
	add	a1, a1, t0
	csrw	stvec, a1
	csrw	sscratch, zero
	sfence.vma
	csrw	satp, a0
	sfence.vma
1:	j	1b
