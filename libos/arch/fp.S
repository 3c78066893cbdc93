/* SPDX-License-Identifier: BSD-2-Clause */
/* Floating-point registers. FS is opened for the access and put back afterwards. */
	.option arch, +d
	.text
#define FS_DIRTY (3 << 13)

	.globl save_fp
save_fp:
	csrr	t0, sstatus
	li	t1, FS_DIRTY
	csrs	sstatus, t1
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fsd	f\n, 8*\n(a0)
	.endr
	frcsr	t1
	sd	t1, 256(a0)
	csrw	sstatus, t0
	ret

	.globl restore_fp
restore_fp:
	csrr	t0, sstatus
	li	t1, FS_DIRTY
	csrs	sstatus, t1
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fld	f\n, 8*\n(a0)
	.endr
	ld	t1, 256(a0)
	fscsr	t1
	csrw	sstatus, t0
	ret

	.globl reset_fp
reset_fp:
	csrr	t0, sstatus
	li	t1, FS_DIRTY
	csrs	sstatus, t1
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fmv.d.x	f\n, zero
	.endr
	fscsr	zero
	csrw	sstatus, t0
	ret

	/* uint64_t read_fp_register(unsigned number), void write_fp_register(unsigned number, uint64_t value): one of 32 pairs of instructions. */
	.option norvc
	.globl read_fp_register
read_fp_register:
	csrr	t0, sstatus
	li	t1, FS_DIRTY
	csrs	sstatus, t1
	la	t2, 1f
	slli	a0, a0, 3
	add	t2, t2, a0
	jr	t2
1:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fmv.x.d	a0, f\n
	j	2f
	.endr
2:	csrw	sstatus, t0
	ret

	.globl write_fp_register
write_fp_register:
	csrr	t0, sstatus
	li	t1, FS_DIRTY
	csrs	sstatus, t1
	la	t2, 1f
	slli	a0, a0, 3
	add	t2, t2, a0
	jr	t2
1:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fmv.d.x	f\n, a1
	j	2f
	.endr
2:	csrw	sstatus, t0
	ret
