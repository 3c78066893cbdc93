/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compression function of SHA-384 (FIPS 180-4, 6.4) for harts with Zbb, where a rotation is one instruction. State and schedule
 * stay in registers, which takes all of them but sp and tp: a compiler keeps the schedule in memory, at three more instructions a byte.
 */
	.option	arch, +zbb

#define CONSTANT ra	/* of the next sixteen rounds */

	/*
	 * One round; the caller renames the working variables instead of moving them. \w is the schedule's word of sixteen rounds ago, or (schedule
	 * 0) of this one already. \bc holds b ^ c, and \ab is left with that of the next round.
	 */
	.macro round schedule, at, a, b, d, e, f, g, h, bc, ab, w, w1, w9, w14
	.if \schedule
	rori	t0, \w1, 1
	rori	t1, \w1, 8
	xor	t0, t0, t1
	srli	t1, \w1, 7
	xor	t0, t0, t1
	add	\w, \w, t0
	add	\w, \w, \w9
	rori	t0, \w14, 19
	rori	t1, \w14, 61
	xor	t0, t0, t1
	srli	t1, \w14, 6
	xor	t0, t0, t1
	add	\w, \w, t0
	.endif
	ld	t0, 8*\at(CONSTANT)
	add	\h, \h, \w
	add	\h, \h, t0
	xor	t0, \f, \g
	and	t0, t0, \e
	xor	t0, t0, \g
	add	\h, \h, t0
	rori	t0, \e, 14
	rori	t1, \e, 18
	xor	t0, t0, t1
	rori	t1, \e, 41
	xor	t0, t0, t1
	add	\h, \h, t0
	add	\d, \d, \h
	rori	t0, \a, 28
	rori	t1, \a, 34
	xor	t0, t0, t1
	rori	t1, \a, 39
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
	/* void compress_zbb(u64 state[8], const u64* words, u64 blocks) */
	.globl compress_zbb
compress_zbb:
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
	slli	a2, a2, 7
	add	a2, a2, a1
	sd	a0, STATE
	sd	a2, END
	ld	s0, 0(a0)
	ld	s1, 8(a0)
	ld	s2, 16(a0)
	ld	s3, 24(a0)
	ld	s4, 32(a0)
	ld	s5, 40(a0)
	ld	s6, 48(a0)
	ld	s7, 56(a0)
	mv	t2, a1
1:
	ld	s8, 0(t2)
	ld	s9, 8(t2)
	ld	s10, 16(t2)
	ld	s11, 24(t2)
	ld	a0, 32(t2)
	ld	a1, 40(t2)
	ld	a2, 48(t2)
	ld	a3, 56(t2)
	ld	a4, 64(t2)
	ld	a5, 72(t2)
	ld	a6, 80(t2)
	ld	a7, 88(t2)
	ld	t3, 96(t2)
	ld	t4, 104(t2)
	ld	t5, 112(t2)
	ld	t6, 120(t2)
	rev8	s8, s8
	rev8	s9, s9
	rev8	s10, s10
	rev8	s11, s11
	rev8	a0, a0
	rev8	a1, a1
	rev8	a2, a2
	rev8	a3, a3
	rev8	a4, a4
	rev8	a5, a5
	rev8	a6, a6
	rev8	a7, a7
	rev8	t3, t3
	rev8	t4, t4
	rev8	t5, t5
	rev8	t6, t6
	addi	t2, t2, 128
	sd	t2, DATA
	lla	CONSTANT, .Lconstants
	xor	t2, s1, s2
	sixteen	0
2:	addi	CONSTANT, CONSTANT, 128
	sixteen	1
	lla	t0, .Llast_constants
	bne	CONSTANT, t0, 2b
	ld	t0, STATE
	ld	t1, 0(t0)
	add	s0, s0, t1
	sd	s0, 0(t0)
	ld	t1, 8(t0)
	add	s1, s1, t1
	sd	s1, 8(t0)
	ld	t1, 16(t0)
	add	s2, s2, t1
	sd	s2, 16(t0)
	ld	t1, 24(t0)
	add	s3, s3, t1
	sd	s3, 24(t0)
	ld	t1, 32(t0)
	add	s4, s4, t1
	sd	s4, 32(t0)
	ld	t1, 40(t0)
	add	s5, s5, t1
	sd	s5, 40(t0)
	ld	t1, 48(t0)
	add	s6, s6, t1
	sd	s6, 48(t0)
	ld	t1, 56(t0)
	add	s7, s7, t1
	sd	s7, 56(t0)
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
	.dword	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc
	.dword	0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118
	.dword	0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2
	.dword	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694
	.dword	0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65
	.dword	0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5
	.dword	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4
	.dword	0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70
	.dword	0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df
	.dword	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b
	.dword	0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30
	.dword	0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8
	.dword	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8
	.dword	0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3
	.dword	0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec
	.dword	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b
.Llast_constants:
	.dword	0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178
	.dword	0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b
	.dword	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c
	.dword	0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817
