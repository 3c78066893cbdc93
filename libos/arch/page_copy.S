/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole pages, which are what a copy-on-write fault mostly costs: as many words a round as the offsets of loads and stores leave room for.
 * And the aligned part of memcpy and memset, eight words at a time.
 */
	.text
	/* void copy_page(void* to, const void* from) */
	.globl copy_page
copy_page:
	li	a6, 4096
	add	a6, a6, a1
1:	.set	at, 0
	.rept	16
	ld	t0, at(a1)
	ld	t1, at+8(a1)
	ld	t2, at+16(a1)
	ld	t3, at+24(a1)
	ld	t4, at+32(a1)
	ld	t5, at+40(a1)
	ld	t6, at+48(a1)
	ld	a7, at+56(a1)
	sd	t0, at(a0)
	sd	t1, at+8(a0)
	sd	t2, at+16(a0)
	sd	t3, at+24(a0)
	sd	t4, at+32(a0)
	sd	t5, at+40(a0)
	sd	t6, at+48(a0)
	sd	a7, at+56(a0)
	.set	at, at+64
	.endr
	addi	a1, a1, 1024
	addi	a0, a0, 1024
	bne	a1, a6, 1b
	ret

	/* void copy_words(void* to, const void* from, size_t bytes): a multiple of 64, not 0, everything 8-byte aligned. */
	.globl copy_words
copy_words:
	add	a6, a1, a2
1:	ld	t0, 0(a1)
	ld	t1, 8(a1)
	ld	t2, 16(a1)
	ld	t3, 24(a1)
	ld	t4, 32(a1)
	ld	t5, 40(a1)
	ld	t6, 48(a1)
	ld	a7, 56(a1)
	sd	t0, 0(a0)
	sd	t1, 8(a0)
	sd	t2, 16(a0)
	sd	t3, 24(a0)
	sd	t4, 32(a0)
	sd	t5, 40(a0)
	sd	t6, 48(a0)
	sd	a7, 56(a0)
	addi	a1, a1, 64
	addi	a0, a0, 64
	bne	a1, a6, 1b
	ret

	/* void zero_page(void* to) */
	.globl zero_page
zero_page:
	li	a1, 4096
	add	a1, a0, a1
1:	.set	at, 0
	.rept	128
	sd	zero, at(a0)
	.set	at, at+8
	.endr
	addi	a0, a0, 1024
	bne	a0, a1, 1b
	ret

	/* void fill_words(void* to, size_t bytes, uint64_t pattern): as copy_words. */
	.globl fill_words
fill_words:
	add	a1, a0, a1
1:	sd	a2, 0(a0)
	sd	a2, 8(a0)
	sd	a2, 16(a0)
	sd	a2, 24(a0)
	sd	a2, 32(a0)
	sd	a2, 40(a0)
	sd	a2, 48(a0)
	sd	a2, 56(a0)
	addi	a0, a0, 64
	bne	a0, a1, 1b
	ret
