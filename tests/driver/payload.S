/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A libOS of one page that does what its ocall window says: see payload.h. S-mode, no page table, no trap vector, any
 * address.
 */
#include "payload.h"

	.option norelax
	.section .rodata
	.balign 4096
	.globl payload_start
payload_start:
	/* a0: struct pl_boot */
	mv s0, a0
	li s3, 0
	j ready
	.balign 16
fork_entry:
	mv s0, a0
	mv s3, a2
ready:
	ld s1, BOOT_WINDOW(s0)
	li s2, PL_EXTENSION
	beqz s1, no_window
next:
	mv a7, s2
	ld t0, 0(s1)
	ld a0, 8(s1)
	ld a1, 16(s1)
	li t1, DO_EXIT
	beq t0, t1, do_exit
	li t1, DO_DOORBELL
	beq t0, t1, do_doorbell
	li t1, DO_IDLE
	beq t0, t1, do_idle
	li t1, DO_SPIN
	beq t0, t1, do_spin
	li t1, DO_FREEZE
	beq t0, t1, do_freeze
	li t1, DO_LOAD
	beq t0, t1, do_load
	li t1, DO_STORE
	beq t0, t1, do_store
	li t1, DO_PANIC
	beq t0, t1, do_panic
	li t1, DO_EXTENT
	beq t0, t1, do_extent
	li t1, DO_BOOT
	beq t0, t1, do_boot
	li t1, DO_CONTEXT
	beq t0, t1, do_context
	li t1, DO_TICK
	beq t0, t1, do_tick
	li t1, DO_GROW
	beq t0, t1, do_grow
	unimp

do_exit:
	li a6, CALL_EXIT
	ecall
	unimp
do_panic:
	li a0, FAULT_PANIC
	li a6, CALL_FAULT
	ecall
	unimp
do_doorbell:
	li a0, LEFT_DOORBELL
	li a1, 0
	li a6, CALL_LEAVE
	ecall
	j next
do_idle:
	mv a1, a0
	li a0, LEFT_IDLE
	li a6, CALL_LEAVE
	ecall
	j next
do_spin: /* until the window says something else */
	ld t0, 0(s1)
	li t1, DO_SPIN
	beq t0, t1, do_spin
	j next
do_tick: /* likewise, and counts */
	ld t0, 24(s1)
	addi t0, t0, 1
	sd t0, 24(s1)
	ld t0, 0(s1)
	li t1, DO_TICK
	beq t0, t1, do_tick
	j next
do_freeze:
	mv a1, a0
	lla a0, fork_entry
	li a2, FORK_SIZE
	li a6, CALL_FREEZE
	ecall
	sd a0, 32(s1)
	j do_doorbell
do_load:
	ld t0, 0(a0)
	sd t0, 24(s1)
	j do_doorbell
do_store:
	sd a1, 0(a0)
	j do_doorbell
do_extent:
	li a6, CALL_EXTENT_GET
	ecall
	sd a0, 32(s1)
	sd a1, 24(s1)
	j do_doorbell
do_grow:
	li a6, CALL_GROW
	ecall
	sd a0, 32(s1)
	sd a1, 24(s1)
	j do_doorbell
do_boot: /* the boot block, and the cookie */
	li t0, 0
1:
	add t1, s0, t0
	ld t2, 0(t1)
	add t1, s1, t0
	sd t2, 64(t1)
	addi t0, t0, 8
	li t1, BOOT_SIZE
	blt t0, t1, 1b
	sd s3, 24(s1)
	j do_doorbell
do_context: /* starts context a0 at the loop, with the same boot block */
	lla a1, context_entry
	li a2, 0
	li a6, CALL_CONTEXT_START
	ecall
	sd a0, 32(s1)
	j do_doorbell
context_entry: /* counts at 40(window) until told to exit or something else */
	ld s1, BOOT_WINDOW(a0)
1:
	ld t0, 40(s1)
	addi t0, t0, 1
	sd t0, 40(s1)
	ld t0, 48(s1)
	beqz t0, 1b
	li a7, PL_EXTENSION
	li a0, LEFT_IDLE
	li a1, -1
	li a6, CALL_LEAVE
	ecall
	j 1b
no_window:
	li a7, PL_EXTENSION
	li a0, NO_WINDOW_STATUS
	li a6, CALL_EXIT
	ecall
	unimp
	.globl payload_end
payload_end:
	.balign 4096
