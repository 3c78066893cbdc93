/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps. sscratch is the trap frame while a program runs and 0 while the libOS does, which tells where a trap came from. The libOS
 * keeps its context block in tp.
 *
 * From a program: the frame is private memory, so saving cannot fault; the kernel stack may not be, so nothing touches it before
 * everything is saved. From the libOS: on the fault stack, whose owner is marked by taking its address out of the context block.
 */
#include "arch/layout.h"

	.text
	.align 2
	.globl trap_entry
trap_entry:
	csrrw	sp, sscratch, sp
	beqz	sp, from_kernel
	sd	x1, 8(sp)
	.irp	n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd	x\n, 8*\n(sp)
	.endr
	csrrw	t0, sscratch, zero
	csrr	t1, sepc
	csrr	t2, sstatus
	csrr	a1, scause
	csrr	a2, stval
	sd	t0, 16(sp)
	sd	t1, PL_FRAME_PC(sp)
	sd	t2, PL_FRAME_STATUS(sp)
	ld	tp, 0(sp)
	mv	a0, sp
	mv	s0, sp
	ld	sp, PL_CONTEXT_KERNEL_STACK(tp)
	call	user_trap
	mv	a0, s0

	.globl return_to_user
return_to_user:
	ld	t0, PL_FRAME_PC(a0)
	ld	t1, PL_FRAME_STATUS(a0)
	/* Both ends of the frame are written, so that the next trap finds it private. */
	sd	tp, 0(a0)
	sd	t1, PL_FRAME_STATUS(a0)
	sc.d	zero, tp, (a0)		/* no reservation of another thread survives */
	csrw	sepc, t0
	csrw	sstatus, t1
	csrw	sscratch, a0
	mv	sp, a0
	ld	x1, 8(sp)
	.irp	n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ld	x\n, 8*\n(sp)
	.endr
	ld	x2, 16(sp)
	sret

#define SAVED(n) (8*(n))
from_kernel:
	ld	sp, PL_CONTEXT_FAULT_STACK(tp)
	beqz	sp, fault_in_fault
	sd	zero, PL_CONTEXT_FAULT_STACK(tp)
	addi	sp, sp, -SAVED(20)
	sd	t0, SAVED(0)(sp)
	csrrw	t0, sscratch, zero
	sd	t0, SAVED(1)(sp)	/* struct KernelTrap from here on */
	sd	ra, SAVED(2)(sp)
	sd	t1, SAVED(3)(sp)
	sd	t2, SAVED(4)(sp)
	sd	t3, SAVED(5)(sp)
	sd	t4, SAVED(6)(sp)
	sd	t5, SAVED(7)(sp)
	sd	t6, SAVED(8)(sp)
	sd	a0, SAVED(9)(sp)
	sd	a1, SAVED(10)(sp)
	sd	a2, SAVED(11)(sp)
	sd	a3, SAVED(12)(sp)
	sd	a4, SAVED(13)(sp)
	sd	a5, SAVED(14)(sp)
	sd	a6, SAVED(15)(sp)
	sd	a7, SAVED(16)(sp)
	csrr	t0, sepc
	csrr	t1, sstatus
	sd	t0, SAVED(17)(sp)
	sd	t1, SAVED(18)(sp)
	csrr	a1, scause
	csrr	a2, stval
	mv	a0, sp
	call	kernel_trap
	ld	t0, SAVED(17)(sp)
	ld	t1, SAVED(18)(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	ld	ra, SAVED(2)(sp)
	ld	t1, SAVED(3)(sp)
	ld	t2, SAVED(4)(sp)
	ld	t3, SAVED(5)(sp)
	ld	t4, SAVED(6)(sp)
	ld	t5, SAVED(7)(sp)
	ld	t6, SAVED(8)(sp)
	ld	a0, SAVED(9)(sp)
	ld	a1, SAVED(10)(sp)
	ld	a2, SAVED(11)(sp)
	ld	a3, SAVED(12)(sp)
	ld	a4, SAVED(13)(sp)
	ld	a5, SAVED(14)(sp)
	ld	a6, SAVED(15)(sp)
	ld	a7, SAVED(16)(sp)
	addi	t0, sp, SAVED(20)
	sd	t0, PL_CONTEXT_FAULT_STACK(tp)
	ld	t0, SAVED(0)(sp)
	ld	sp, SAVED(1)(sp)
	sret

fault_in_fault:
	csrr	a0, scause
	csrr	a1, sepc
	csrr	a2, stval
	la	sp, __fault_stack_top
	j	double_fault

	/* void switch_to(KernelContext& from, KernelContext& to): ra, sp, s0..s11 */
	.globl switch_to
switch_to:
	sd	ra, 0(a0)
	sd	sp, 8(a0)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, 16+8*\n(a0)
	.endr
	ld	ra, 0(a1)
	ld	sp, 8(a1)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, 16+8*\n(a1)
	.endr
	ret

	/* Where a new kernel context begins: s0 = entry, s1 = argument. */
	.globl context_entry
context_entry:
	mv	a0, s1
	jalr	s0
	unimp

	.globl restart_stack
restart_stack:
	mv	sp, a0
	mv	a0, a2
	jalr	a1
	unimp
