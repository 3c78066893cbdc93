/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only instructions that touch a program's memory. A fault in one of them lands at its fixup, which says how much is left:
 * kernel_trap() knows the ranges. SUM is set around each and nowhere else.
 */
#define SUM (1 << 18)

	.text
	/* The range of addresses in which a fault goes to its fixup. */
	.globl user_copy_start
user_copy_start:

	/*
	 * size_t user_copy(void* to, const void* from, size_t bytes): bytes not copied. Registers are moved on only behind what was
	 * copied, so what is left is never too small. Never a misaligned access: those trap to the libOS itself.
	 */
	.globl user_copy
user_copy:
	li	t6, SUM
	csrs	sstatus, t6
	li	t0, 16
	bltu	a2, t0, .Lbytes
	xor	t1, a0, a1
	andi	t1, t1, 7
	bnez	t1, .Lshifted
.Lalign:
	andi	t1, a0, 7
	beqz	t1, .Lblocks
	lbu	t2, 0(a1)
	sb	t2, 0(a0)
	addi	a0, a0, 1
	addi	a1, a1, 1
	addi	a2, a2, -1
	j	.Lalign
.Lblocks:
	li	t0, 64
	bltu	a2, t0, .Lwords
1:	ld	t1, 0(a1)
	ld	t2, 8(a1)
	ld	t3, 16(a1)
	ld	t4, 24(a1)
	ld	t5, 32(a1)
	ld	a3, 40(a1)
	ld	a4, 48(a1)
	ld	a5, 56(a1)
	sd	t1, 0(a0)
	sd	t2, 8(a0)
	sd	t3, 16(a0)
	sd	t4, 24(a0)
	sd	t5, 32(a0)
	sd	a3, 40(a0)
	sd	a4, 48(a0)
	sd	a5, 56(a0)
	addi	a1, a1, 64
	addi	a0, a0, 64
	addi	a2, a2, -64
	bgeu	a2, t0, 1b
.Lwords:
	li	t0, 8
	bltu	a2, t0, .Lbytes
1:	ld	t1, 0(a1)
	sd	t1, 0(a0)
	addi	a1, a1, 8
	addi	a0, a0, 8
	addi	a2, a2, -8
	bgeu	a2, t0, 1b
.Lbytes:
	beqz	a2, user_copy_fixup
1:	lbu	t1, 0(a1)
	sb	t1, 0(a0)
	addi	a1, a1, 1
	addi	a0, a0, 1
	addi	a2, a2, -1
	bnez	a2, 1b
	j	user_copy_fixup

	/*
	 * The two are not aligned with each other: words of the source are put together. Of the aligned words that are read, each holds a
	 * byte that is wanted.
	 */
.Lshifted:
	andi	t1, a0, 7
	beqz	t1, 1f
	lbu	t2, 0(a1)
	sb	t2, 0(a0)
	addi	a0, a0, 1
	addi	a1, a1, 1
	addi	a2, a2, -1
	j	.Lshifted
1:	andi	t1, a1, 7
	slli	t1, t1, 3
	neg	t3, t1			/* 64 - t1: shifts look at six bits */
	andi	t4, a1, -8
	ld	t5, 0(t4)
	li	t0, 8
2:	bltu	a2, t0, .Lbytes
	ld	a3, 8(t4)
	srl	a4, t5, t1
	sll	a5, a3, t3
	or	a4, a4, a5
	sd	a4, 0(a0)
	mv	t5, a3
	addi	t4, t4, 8
	addi	a0, a0, 8
	addi	a1, a1, 8
	addi	a2, a2, -8
	j	2b

	/* size_t user_zero(void* to, size_t bytes): bytes not cleared. */
	.globl user_zero
user_zero:
	mv	a2, a1
	li	t6, SUM
	csrs	sstatus, t6
1:	beqz	a2, user_copy_fixup
	andi	t1, a0, 7
	beqz	t1, 2f
	sb	zero, 0(a0)
	addi	a0, a0, 1
	addi	a2, a2, -1
	j	1b
2:	li	t0, 8
	bltu	a2, t0, 4f
3:	sd	zero, 0(a0)
	addi	a0, a0, 8
	addi	a2, a2, -8
	bgeu	a2, t0, 3b
4:	beqz	a2, user_copy_fixup
	sb	zero, 0(a0)
	addi	a0, a0, 1
	addi	a2, a2, -1
	j	4b

	/*
	 * size_t user_copy_string(char* to, const char* from, size_t capacity): bytes not copied; the NUL is the last that is. Where the two
	 * are aligned with each other, by words that hold no NUL. An aligned word lies in one page.
	 */
	.globl user_copy_string
user_copy_string:
	li	t6, SUM
	csrs	sstatus, t6
	xor	t0, a0, a1
	andi	t0, t0, 7
	bnez	t0, 1f
	li	t3, 0x01010101
	slli	t0, t3, 32
	or	t3, t3, t0
	slli	t4, t3, 7
	li	t5, 8
2:	andi	t0, a1, 7
	bnez	t0, 4f
3:	bltu	a2, t5, 1f
	ld	t1, 0(a1)
	sub	t2, t1, t3		/* (x - 0x0101..) & ~x & 0x8080.. is not 0 where a byte of x is */
	not	t0, t1
	and	t2, t2, t0
	and	t2, t2, t4
	bnez	t2, 1f
	sd	t1, 0(a0)
	addi	a0, a0, 8
	addi	a1, a1, 8
	addi	a2, a2, -8
	j	3b
4:	beqz	a2, user_copy_fixup
	lbu	t1, 0(a1)
	sb	t1, 0(a0)
	addi	a0, a0, 1
	addi	a1, a1, 1
	addi	a2, a2, -1
	bnez	t1, 2b
	j	user_copy_fixup
1:	beqz	a2, user_copy_fixup
	lbu	t1, 0(a1)
	sb	t1, 0(a0)
	addi	a0, a0, 1
	addi	a1, a1, 1
	addi	a2, a2, -1
	bnez	t1, 1b
	j	user_copy_fixup

	.globl user_copy_end
user_copy_end:
	/* The end of each, faulted or not: what is left. */
	.globl user_copy_fixup
user_copy_fixup:
	li	t6, SUM
	csrc	sstatus, t6
	mv	a0, a2
	ret

	/* Atomics of a word that is there, or -1 in a0; the old value in a1 (struct of two words). */
	.globl user_atomic_start
user_atomic_start:
	.globl user_load
user_load:
	li	t6, SUM
	csrs	sstatus, t6
	lw	a1, 0(a0)
	li	a0, 0
	csrc	sstatus, t6
	ret

	.globl user_compare_exchange
user_compare_exchange:
	li	t6, SUM
	csrs	sstatus, t6
	sext.w	a1, a1
1:	lr.w.aqrl t0, (a0)
	bne	t0, a1, 2f
	sc.w.aqrl t1, a2, (a0)
	bnez	t1, 1b
2:	mv	a1, t0
	li	a0, 0
	csrc	sstatus, t6
	ret
	.globl user_atomic_end
user_atomic_end:
	.globl user_atomic_fixup
user_atomic_fixup:
	li	t6, SUM
	csrc	sstatus, t6
	li	a0, -1
	ret
