/* SPDX-License-Identifier: BSD-2-Clause */
/* A bare S-mode host: the first hart runs test_main, others come here by HSM's hart_start with a stack in a1. */
  .section .text.entry, "ax"
  .globl _start
_start:
  lla sp, first_stack_end
  lla t0, host_trap
  csrw stvec, t0
  lla t0, bss_start
  lla t1, bss_end
1:
  bgeu t0, t1, 2f
  sd zero, 0(t0)
  addi t0, t0, 8
  j 1b
2:
  call test_main
  j .

  .globl second_start
second_start:
  mv sp, a1
  lla t0, host_trap
  csrw stvec, t0
  call second_main
  j .

/*
 * A trap of the host itself. Interrupts: counted, and their enable bit cleared. Exceptions: if host_expects_fault is set, counted
 * and skipped (all probing instructions have 4 bytes); otherwise reported.
 */
  .balign 4
host_trap:
  addi sp, sp, -48
  sd t0, 0(sp)
  sd t1, 8(sp)
  sd t2, 16(sp)
  csrr t0, scause
  bltz t0, 2f
  lla t1, host_faults
  ld t2, 0(t1)
  addi t2, t2, 1
  sd t2, 0(t1)
  lla t1, host_cause
  sd t0, 0(t1)
  lla t1, host_expects_fault
  ld t1, 0(t1)
  beqz t1, 3f
  li t1, 1
  beq t0, t1, 4f
  csrr t1, sepc
  addi t1, t1, 4
  csrw sepc, t1
1:
  ld t0, 0(sp)
  ld t1, 8(sp)
  ld t2, 16(sp)
  addi sp, sp, 48
  sret
2:
  slli t0, t0, 1
  srli t0, t0, 1
  li t1, 1
  sll t1, t1, t0
  csrc sie, t1
  lla t2, host_interrupts
  amoor.d zero, t1, (t2)
  j 1b
3:
  mv a0, t0
  csrr a1, sepc
  csrr a2, stval
  call unexpected_trap
  j .
4: /* a fetch that was refused: back to the caller */
  csrw sepc, ra
  j 1b

  .section .bss
  .balign 16
  .space 65536
first_stack_end:
