/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vDSO: one page, an ELF shared object laid out by hand, so that no second link is needed. The page behind it holds
 * struct VdsoClocks (vdso.cpp). Names and version are those of Linux (vdso(7), "riscv functions").
 */
	.section .rodata.vdso, "a"
	.balign 4096
	.globl vdso_image
	.globl vdso_image_end
	.globl vdso_sigreturn
	.option norvc
	.option norelax

#define BASE vdso_image
#define AT(label) ((label) - BASE)

vdso_image:
	/* ELF header */
	.byte	0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
	.half	3, 243			/* ET_DYN, EM_RISCV */
	.word	1
	.dword	0, 64, 0		/* entry, program headers, section headers */
	.word	4			/* double-float ABI, no compressed code */
	.half	64, 56, 2, 64, 0, 0
	/* program headers: PT_LOAD, PT_DYNAMIC */
	.word	1, 5
	.dword	0, 0, 0, AT(vdso_image_end), AT(vdso_image_end), 4096
	.word	2, 4
	.dword	AT(dynamic), AT(dynamic), AT(dynamic), dynamic_end - dynamic, dynamic_end - dynamic, 8

	.balign 8
dynamic:
	.dword	14, name_soname - strings	/* DT_SONAME */
	.dword	4, AT(hash)			/* DT_HASH */
	.dword	5, AT(strings)			/* DT_STRTAB */
	.dword	6, AT(symbols)			/* DT_SYMTAB */
	.dword	10, strings_end - strings	/* DT_STRSZ */
	.dword	11, 24				/* DT_SYMENT */
	.dword	0x6ffffff0, AT(versions)	/* DT_VERSYM */
	.dword	0x6ffffffc, AT(definitions)	/* DT_VERDEF */
	.dword	0x6ffffffd, 2			/* DT_VERDEFNUM */
	.dword	0, 0
dynamic_end:

#define SYMBOLS 7
hash:	/* one bucket, a chain through all */
	.word	1, SYMBOLS
	.word	1
	.word	0, 2, 3, 4, 5, 6, 0

	.balign 8
	.macro	symbol label
	.word	name_\label - strings
	.byte	0x12, 0			/* STB_GLOBAL, STT_FUNC */
	.half	1
	.dword	AT(vdso_\label), end_\label - vdso_\label
	.endm
symbols:
	.zero	24
	symbol	sigreturn
	symbol	gettime
	symbol	timeofday
	symbol	getres
	symbol	getcpu
	symbol	flush

versions:
	.half	0, 2, 2, 2, 2, 2, 2

	.balign 4
definitions:
	.half	1, 1, 1, 1		/* the object itself */
	.word	0x0deebfa1, 20, 28
	.word	name_soname - strings, 0
	.half	1, 0, 2, 1
	.word	0x0ae77f75, 20, 0
	.word	name_version - strings, 0

strings:
	.byte	0
name_soname:	.asciz "linux-vdso.so.1"
name_version:	.asciz "LINUX_4.15"
name_sigreturn:	.asciz "__vdso_rt_sigreturn"
name_gettime:	.asciz "__vdso_clock_gettime"
name_timeofday:	.asciz "__vdso_gettimeofday"
name_getres:	.asciz "__vdso_clock_getres"
name_getcpu:	.asciz "__vdso_getcpu"
name_flush:	.asciz "__vdso_flush_icache"
strings_end:

	.balign 16
	.zero	16			/* unwinders look at the instruction before a return address */
vdso_sigreturn:
	li	a7, 139
	ecall
end_sigreturn:

/* struct VdsoClocks */
#define SEQUENCE 0
#define MULTIPLIER 8
#define SKIPPED 16
#define REALTIME 24

	.balign 4
	/* int clock_gettime(clockid_t a0, struct timespec *a1) */
vdso_gettime:
	lla	t0, vdso_image + 4096
	li	t1, 0x83		/* clocks 0, 1 and 7 */
	li	t2, 8
	bgeu	a0, t2, 3f
	srl	t1, t1, a0
	andi	t1, t1, 1
	beqz	t1, 3f
1:	lw	t6, SEQUENCE(t0)
	andi	t1, t6, 1
	bnez	t1, 1b
	fence	r, r
	rdtime	t1
	li	t2, 1
	bne	a0, t2, 2f
	ld	t3, SKIPPED(t0)		/* MONOTONIC does not count frozen time */
	sub	t1, t1, t3
2:	ld	t2, MULTIPLIER(t0)
	mul	t3, t1, t2
	mulhu	t4, t1, t2
	srli	t3, t3, 32
	slli	t4, t4, 32
	or	t3, t3, t4
	ld	t5, REALTIME(t0)
	fence	r, r
	lw	t4, SEQUENCE(t0)
	bne	t4, t6, 1b
	bnez	a0, 4f
	add	t3, t3, t5
4:	li	t1, 1000000000
	divu	t2, t3, t1
	mul	t4, t2, t1
	sub	t3, t3, t4
	sd	t2, 0(a1)
	sd	t3, 8(a1)
	li	a0, 0
	ret
3:	li	a7, 113
	ecall
	ret
end_gettime:

	/* int gettimeofday(struct timeval *a0, struct timezone *a1) */
vdso_timeofday:
	bnez	a1, 3f
	beqz	a0, 3f
	lla	t0, vdso_image + 4096
1:	lw	t6, SEQUENCE(t0)
	andi	t1, t6, 1
	bnez	t1, 1b
	fence	r, r
	rdtime	t1
	ld	t2, MULTIPLIER(t0)
	ld	t5, REALTIME(t0)
	fence	r, r
	lw	t4, SEQUENCE(t0)
	bne	t4, t6, 1b
	mul	t3, t1, t2
	mulhu	t4, t1, t2
	srli	t3, t3, 32
	slli	t4, t4, 32
	or	t3, t3, t4
	add	t3, t3, t5
	li	t1, 1000000000
	divu	t2, t3, t1
	mul	t4, t2, t1
	sub	t3, t3, t4
	li	t1, 1000
	divu	t3, t3, t1
	sd	t2, 0(a0)
	sd	t3, 8(a0)
	li	a0, 0
	ret
3:	li	a7, 169
	ecall
	ret
end_timeofday:

vdso_getres:
	li	a7, 114
	ecall
	ret
end_getres:

vdso_getcpu:
	li	a7, 168
	ecall
	ret
end_getcpu:

vdso_flush:
	li	a7, 259
	ecall
	ret
end_flush:
vdso_image_end:
