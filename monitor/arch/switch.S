/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entering an enclave is a call that returns: pl_switch_enter(hart, context) saves its place, goes to S- or U-mode with the
 * context's registers, and returns to its caller, with mcause, at the next trap. mtvec is ours only in between, so that a trap
 * of the monitor itself is still the firmware's (and fatal).
 *
 * Offsets: struct Hart in arch/hart.h, struct Context in core/enclave.h; asserted in arch/hart.cpp.
 */
#define HART_CONTEXT 0
#define HART_STACK 8
#define HART_SCRATCH 16
#define HART_VECTOR 24
#define HART_TRAP_VALUE 32
#define HART_SPARE 40
#define CONTEXT_PC 0
#define CONTEXT_STATUS 256

.macro each_saved operation
  \operation ra, 0(sp)
  \operation gp, 8(sp)
  \operation tp, 16(sp)
  \operation s0, 24(sp)
  \operation s1, 32(sp)
  \operation s2, 40(sp)
  \operation s3, 48(sp)
  \operation s4, 56(sp)
  \operation s5, 64(sp)
  \operation s6, 72(sp)
  \operation s7, 80(sp)
  \operation s8, 88(sp)
  \operation s9, 96(sp)
  \operation s10, 104(sp)
  \operation s11, 112(sp)
.endm

/* All but x2 (sp), x5 (t0), x10 (a0). */
.macro each_general operation, base
  \operation x1, 8(\base)
  \operation x3, 24(\base)
  \operation x4, 32(\base)
  \operation x6, 48(\base)
  \operation x7, 56(\base)
  \operation x8, 64(\base)
  \operation x9, 72(\base)
  \operation x11, 88(\base)
  \operation x12, 96(\base)
  \operation x13, 104(\base)
  \operation x14, 112(\base)
  \operation x15, 120(\base)
  \operation x16, 128(\base)
  \operation x17, 136(\base)
  \operation x18, 144(\base)
  \operation x19, 152(\base)
  \operation x20, 160(\base)
  \operation x21, 168(\base)
  \operation x22, 176(\base)
  \operation x23, 184(\base)
  \operation x24, 192(\base)
  \operation x25, 200(\base)
  \operation x26, 208(\base)
  \operation x27, 216(\base)
  \operation x28, 224(\base)
  \operation x29, 232(\base)
  \operation x30, 240(\base)
  \operation x31, 248(\base)
.endm

  .section .text
  .balign 4
  .globl pl_switch_enter
pl_switch_enter:
  addi sp, sp, -128
  each_saved sd
  sd sp, HART_STACK(a0)
  sd a1, HART_CONTEXT(a0)
  csrrw t0, mscratch, a0
  sd t0, HART_SCRATCH(a0)
  lla t0, pl_switch_trap
  csrrw t0, mtvec, t0
  sd t0, HART_VECTOR(a0)
  ld t0, CONTEXT_PC(a1)
  csrw mepc, t0
  ld t0, CONTEXT_STATUS(a1)
  csrw mstatus, t0
  /* A store-conditional, whether or not it succeeds, ends the hart's reservation (unprivileged spec, 8.2). */
  addi t0, a0, HART_SPARE
  sc.d zero, zero, (t0)
  mv a0, a1
  each_general ld, a0
  ld x2, 16(a0)
  ld x5, 40(a0)
  ld x10, 80(a0)
  mret

  .balign 4
pl_switch_trap:
  csrrw sp, mscratch, sp
  sd t0, HART_SPARE(sp)
  ld t0, HART_CONTEXT(sp)
  each_general sd, t0
  sd a0, 80(t0)
  ld t1, HART_SPARE(sp)
  sd t1, 40(t0)
  ld t1, HART_SCRATCH(sp)
  csrrw t1, mscratch, t1
  sd t1, 16(t0)
  csrr t1, mepc
  sd t1, CONTEXT_PC(t0)
  csrr t1, mstatus
  sd t1, CONTEXT_STATUS(t0)
  csrr t1, mtval
  sd t1, HART_TRAP_VALUE(sp)
  ld t1, HART_VECTOR(sp)
  csrw mtvec, t1
  addi t1, sp, HART_SPARE
  sc.d zero, zero, (t1)
  csrr a0, mcause
  ld sp, HART_STACK(sp)
  each_saved ld
  addi sp, sp, 128
  ret

/* f0 to f31 and fcsr, to and from a save area. mstatus.FS is on. */
  .option push
  .option arch, +d
.macro each_float operation, base
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  \operation f\n, \n*8(\base)
  .endr
.endm

  .globl pl_float_save
pl_float_save:
  each_float fsd, a0
  frcsr t0
  sd t0, 256(a0)
  ret

  .globl pl_float_load
pl_float_load:
  each_float fld, a0
  ld t0, 256(a0)
  fscsr t0
  ret
  .option pop

/* pl_memory_zero(start, size): size a multiple of 64. */
  .globl pl_memory_zero
pl_memory_zero:
  add a1, a0, a1
  andi t0, a1, -1024
  bgeu a0, t0, 2f
1:
  .set offset, 0
  .rept 128
  sd zero, offset(a0)
  .set offset, offset + 8
  .endr
  addi a0, a0, 1024
  bltu a0, t0, 1b
2:
  bgeu a0, a1, 4f
3:
  .irp n, 0,1,2,3,4,5,6,7
  sd zero, \n*8(a0)
  .endr
  addi a0, a0, 64
  bltu a0, a1, 3b
4:
  ret

/* pl_memory_zero_blocks(start, size): as above by cbo.zero, blocks of 64 bytes (Zicboz). */
  .globl pl_memory_zero_blocks
pl_memory_zero_blocks:
  add a1, a0, a1
1:
  .insn i 0x0f, 2, zero, a0, 4 /* cbo.zero (a0) */
  addi a0, a0, 64
  bltu a0, a1, 1b
  ret

/* pl_memory_copy(to, from, size): size a multiple of 64. */
  .globl pl_memory_copy
pl_memory_copy:
  add a2, a0, a2
1:
  ld t0, 0(a1)
  ld t1, 8(a1)
  ld t2, 16(a1)
  ld t3, 24(a1)
  ld t4, 32(a1)
  ld t5, 40(a1)
  ld t6, 48(a1)
  ld a3, 56(a1)
  sd t0, 0(a0)
  sd t1, 8(a0)
  sd t2, 16(a0)
  sd t3, 24(a0)
  sd t4, 32(a0)
  sd t5, 40(a0)
  sd t6, 48(a0)
  sd a3, 56(a0)
  addi a0, a0, 64
  addi a1, a1, 64
  bltu a0, a2, 1b
  ret

/* pl_pmp_write(entry, address): the CSR number is part of the instruction. */
  .globl pl_pmp_write
pl_pmp_write:
  slli a0, a0, 3
  lla t0, 1f
  add t0, t0, a0
  jr t0
  .balign 8
1:
  .option push
  .option norvc
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
  csrw 0x3b0+\n, a1
  ret
  .endr
  .option pop
