/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compression function of SHA-256 (FIPS 180-4, 6.2.2) for harts with Zbb, where a rotation is one instruction. State and schedule
 * stay in registers, which takes all of them but sp and tp: a compiler keeps the schedule in memory, at four more instructions a byte.
 */
	.option	arch, +zbb

#define CONSTANT ra	/* of the next sixteen rounds */

	/*
	 * One round; the caller renames the working variables instead of moving them. \w is the schedule's word of sixteen rounds ago, or (schedule
	 * 0) of this one already. \bc holds b ^ c, and \ab is left with that of the next round.
	 */
	.macro round schedule, at, a, b, d, e, f, g, h, bc, ab, w, w1, w9, w14
	.if \schedule
	roriw	t0, \w1, 7
	roriw	t1, \w1, 18
	xor	t0, t0, t1
	srliw	t1, \w1, 3
	xor	t0, t0, t1
	add	\w, \w, t0
	add	\w, \w, \w9
	roriw	t0, \w14, 17
	roriw	t1, \w14, 19
	xor	t0, t0, t1
	srliw	t1, \w14, 10
	xor	t0, t0, t1
	add	\w, \w, t0
	.endif
	lw	t0, 4*\at(CONSTANT)
	add	\h, \h, \w
	add	\h, \h, t0
	xor	t0, \f, \g
	and	t0, t0, \e
	xor	t0, t0, \g
	add	\h, \h, t0
	roriw	t0, \e, 6
	roriw	t1, \e, 11
	xor	t0, t0, t1
	roriw	t1, \e, 25
	xor	t0, t0, t1
	add	\h, \h, t0
	add	\d, \d, \h
	roriw	t0, \a, 2
	roriw	t1, \a, 13
	xor	t0, t0, t1
	roriw	t1, \a, 22
	xor	t0, t0, t1
	add	\h, \h, t0
	xor	\ab, \a, \b
	and	\bc, \bc, \ab
	xor	\bc, \bc, \b
	add	\h, \h, \bc
	.endm

	.macro sixteen schedule
	round	\schedule, 0, s0, s1, s3, s4, s5, s6, s7, t2, gp, s8, s9, a5, t5
	round	\schedule, 1, s7, s0, s2, s3, s4, s5, s6, gp, t2, s9, s10, a6, t6
	round	\schedule, 2, s6, s7, s1, s2, s3, s4, s5, t2, gp, s10, s11, a7, s8
	round	\schedule, 3, s5, s6, s0, s1, s2, s3, s4, gp, t2, s11, a0, t3, s9
	round	\schedule, 4, s4, s5, s7, s0, s1, s2, s3, t2, gp, a0, a1, t4, s10
	round	\schedule, 5, s3, s4, s6, s7, s0, s1, s2, gp, t2, a1, a2, t5, s11
	round	\schedule, 6, s2, s3, s5, s6, s7, s0, s1, t2, gp, a2, a3, t6, a0
	round	\schedule, 7, s1, s2, s4, s5, s6, s7, s0, gp, t2, a3, a4, s8, a1
	round	\schedule, 8, s0, s1, s3, s4, s5, s6, s7, t2, gp, a4, a5, s9, a2
	round	\schedule, 9, s7, s0, s2, s3, s4, s5, s6, gp, t2, a5, a6, s10, a3
	round	\schedule, 10, s6, s7, s1, s2, s3, s4, s5, t2, gp, a6, a7, s11, a4
	round	\schedule, 11, s5, s6, s0, s1, s2, s3, s4, gp, t2, a7, t3, a0, a5
	round	\schedule, 12, s4, s5, s7, s0, s1, s2, s3, t2, gp, t3, t4, a1, a6
	round	\schedule, 13, s3, s4, s6, s7, s0, s1, s2, gp, t2, t4, t5, a2, a7
	round	\schedule, 14, s2, s3, s5, s6, s7, s0, s1, t2, gp, t5, t6, a3, t3
	round	\schedule, 15, s1, s2, s4, s5, s6, s7, s0, gp, t2, t6, s8, a4, t4
	.endm

#define FRAME 144
#define STATE 112(sp)
#define DATA 120(sp)
#define END 128(sp)

	.text
	/* void sha256_blocks_zbb(uint32_t state[8], const std::byte* data, size_t blocks): data is 8-byte aligned. */
	.globl sha256_blocks_zbb
sha256_blocks_zbb:
	beqz	a2, 3f
	addi	sp, sp, -FRAME
	sd	ra, 0(sp)
	sd	gp, 8(sp)
	sd	s0, 16(sp)
	sd	s1, 24(sp)
	sd	s2, 32(sp)
	sd	s3, 40(sp)
	sd	s4, 48(sp)
	sd	s5, 56(sp)
	sd	s6, 64(sp)
	sd	s7, 72(sp)
	sd	s8, 80(sp)
	sd	s9, 88(sp)
	sd	s10, 96(sp)
	sd	s11, 104(sp)
	slli	a2, a2, 6
	add	a2, a2, a1
	sd	a0, STATE
	sd	a2, END
	lw	s0, 0(a0)
	lw	s1, 4(a0)
	lw	s2, 8(a0)
	lw	s3, 12(a0)
	lw	s4, 16(a0)
	lw	s5, 20(a0)
	lw	s6, 24(a0)
	lw	s7, 28(a0)
	mv	t2, a1
1:
	ld	s9, 0(t2)
	rev8	s9, s9
	srli	s8, s9, 32
	ld	s11, 8(t2)
	rev8	s11, s11
	srli	s10, s11, 32
	ld	a1, 16(t2)
	rev8	a1, a1
	srli	a0, a1, 32
	ld	a3, 24(t2)
	rev8	a3, a3
	srli	a2, a3, 32
	ld	a5, 32(t2)
	rev8	a5, a5
	srli	a4, a5, 32
	ld	a7, 40(t2)
	rev8	a7, a7
	srli	a6, a7, 32
	ld	t4, 48(t2)
	rev8	t4, t4
	srli	t3, t4, 32
	ld	t6, 56(t2)
	rev8	t6, t6
	srli	t5, t6, 32
	addi	t2, t2, 64
	sd	t2, DATA
	lla	CONSTANT, .Lconstants
	xor	t2, s1, s2
	sixteen	0
2:	addi	CONSTANT, CONSTANT, 64
	sixteen	1
	lla	t0, .Llast_constants
	bne	CONSTANT, t0, 2b
	ld	t0, STATE
	lw	t1, 0(t0)
	addw	s0, s0, t1
	sw	s0, 0(t0)
	lw	t1, 4(t0)
	addw	s1, s1, t1
	sw	s1, 4(t0)
	lw	t1, 8(t0)
	addw	s2, s2, t1
	sw	s2, 8(t0)
	lw	t1, 12(t0)
	addw	s3, s3, t1
	sw	s3, 12(t0)
	lw	t1, 16(t0)
	addw	s4, s4, t1
	sw	s4, 16(t0)
	lw	t1, 20(t0)
	addw	s5, s5, t1
	sw	s5, 20(t0)
	lw	t1, 24(t0)
	addw	s6, s6, t1
	sw	s6, 24(t0)
	lw	t1, 28(t0)
	addw	s7, s7, t1
	sw	s7, 28(t0)
	ld	t2, DATA
	ld	t0, END
	bne	t2, t0, 1b
	ld	ra, 0(sp)
	ld	gp, 8(sp)
	ld	s0, 16(sp)
	ld	s1, 24(sp)
	ld	s2, 32(sp)
	ld	s3, 40(sp)
	ld	s4, 48(sp)
	ld	s5, 56(sp)
	ld	s6, 64(sp)
	ld	s7, 72(sp)
	ld	s8, 80(sp)
	ld	s9, 88(sp)
	ld	s10, 96(sp)
	ld	s11, 104(sp)
	addi	sp, sp, FRAME
3:	ret

	.section .rodata
	.balign 8
.Lconstants:
	.word	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5
	.word	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
	.word	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3
	.word	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
	.word	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc
	.word	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
	.word	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7
	.word	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
	.word	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13
	.word	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
	.word	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3
	.word	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
.Llast_constants:
	.word	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5
	.word	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
	.word	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208
	.word	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
