/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps. sscratch is the trap frame while a program runs and 0 while the libOS does, which tells where a trap came from. The libOS
 * keeps its context block in tp.
 *
 * From a program: the frame is private memory, so saving cannot fault; the kernel stack may not be, so nothing touches it before
 * everything is saved. From the libOS: on the fault stack, whose owner is marked by taking its address out of the context block.
 *
 * A system call is a function call: its arguments are in a0 to a5 already, and s0 to s11 are kept by whoever it calls, so they go
 * into the frame only when somebody may look there (work_after_call), or when the call itself does (whole_frame_call_entry).
 */
#include "arch/layout.h"

	/* Of the frame at \base: what the calling convention lets a function change, but sp; and what it does not. */
	.macro each_temporary instruction, base
	\instruction	ra, 8*1(\base)
	\instruction	gp, 8*3(\base)
	\instruction	tp, 8*4(\base)
	.irp	n, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
	\instruction	x\n, 8*\n(\base)
	.endr
	.endm
	.macro each_saved instruction, base
	.irp	n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
	\instruction	x\n, 8*\n(\base)
	.endr
	.endm

	/* To the program whose frame is \frame, up to where registers are restored. */
	.macro prepare_return frame, pc, status
	ld	\pc, PL_FRAME_PC(\frame)
	ld	\status, PL_FRAME_STATUS(\frame)
	/* Both ends of the frame are written, so that the next trap finds it private. */
	sd	tp, 0(\frame)
	sd	\status, PL_FRAME_STATUS(\frame)
	sc.d	zero, tp, (\frame)	/* no reservation of another thread survives */
	csrw	sepc, \pc
	csrw	sstatus, \status
	csrw	sscratch, \frame
	mv	sp, \frame
	.endm

	.text
	.align 2
	.globl trap_entry
trap_entry:
	csrrw	sp, sscratch, sp
	beqz	sp, from_kernel
	each_temporary sd, sp
	sd	a0, 8*10(sp)
	csrrw	t0, sscratch, zero
	csrr	t1, scause
	csrr	t2, sepc
	csrr	t3, sstatus
	li	t4, PL_CAUSE_USER_CALL
	sd	t0, 8*2(sp)
	sd	t3, PL_FRAME_STATUS(sp)
	ld	tp, 0(sp)
	bne	t1, t4, trap_from_user
	addi	t2, t2, 4
	sd	t2, PL_FRAME_PC(sp)
	sd	a0, PL_THREAD_ORIGINAL_A0(sp)
	li	t1, PL_SYSTEM_CALL_LIMIT
	ld	t0, PL_CONTEXT_CALLS(tp)
	bgtu	a7, t1, 2f
	slli	t1, a7, 3
1:	add	t0, t0, t1
	ld	t0, (t0)
	ld	sp, PL_CONTEXT_KERNEL_STACK(tp)
	jalr	t0
	ld	t6, PL_CONTEXT_THREAD(tp)
	lw	t0, PL_THREAD_WORK(t6)
	bnez	t0, work_after_call
	prepare_return t6, t0, t1
	each_temporary ld, sp
	ld	sp, 8*2(sp)
	sret
2:	li	t1, 8*PL_SYSTEM_CALL_LIMIT	/* the last entry is for every number beyond */
	j	1b

work_after_call:
	sd	a0, 8*10(t6)
	each_saved sd, t6
1:	call	finish_system_call
	ld	a0, PL_CONTEXT_THREAD(tp)
	j	return_to_user

	/* The entry of calls that read or replace the frame: arguments as every call, number in a7. */
	.globl whole_frame_call_entry
whole_frame_call_entry:
	ld	t6, PL_CONTEXT_THREAD(tp)
	each_saved sd, t6
	call	whole_frame_call
	ld	t6, PL_CONTEXT_THREAD(tp)
	sd	a0, 8*10(t6)
	lw	t0, PL_THREAD_WORK(t6)
	bnez	t0, 1b
	mv	a0, t6
	j	return_to_user

trap_from_user:
	sd	t2, PL_FRAME_PC(sp)
	each_saved sd, sp
	csrr	a2, stval
	mv	a1, t1
	mv	a0, sp
	mv	s0, sp
	ld	sp, PL_CONTEXT_KERNEL_STACK(tp)
	call	user_trap
	mv	a0, s0

	.globl return_to_user
return_to_user:
	prepare_return a0, t0, t1
	each_temporary ld, sp
	each_saved ld, sp
	ld	a0, 8*10(sp)
	ld	sp, 8*2(sp)
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
