/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot block's page is also the stack and, at 1024, the trap handler's counters: traps, scause, stval.
 */
  .section .agent.entry, "ax"
  .globl agent_entry
agent_entry:
  rdinstret t6
  li t0, 4096
  add sp, a0, t0
  addi t0, a0, 1024
  csrw sscratch, t0
  lla t0, agent_trap
  csrw stvec, t0
  mv a3, t6
  tail agent_main

  .balign 4
agent_trap:
  csrrw t0, sscratch, t0
  sd t1, 32(t0)
  ld t1, 0(t0)
  addi t1, t1, 1
  sd t1, 0(t0)
  csrr t1, stval
  sd t1, 16(t0)
  csrr t1, scause
  sd t1, 8(t0)
  bltz t1, 1f
  /* From U-mode (its test call): back to where agent_user left off, in S-mode. */
  addi t1, t1, -8
  beqz t1, 2f
  csrr t1, sepc
  addi t1, t1, 4
  csrw sepc, t1
  j 3f
1:
  slli t1, t1, 1
  srli t1, t1, 1
  sd t2, 40(t0)
  li t2, 1
  sll t2, t2, t1
  csrc sie, t2
  csrci sip, 2
  ld t2, 40(t0)
  j 3f
2:
  ld t1, 48(t0)
  csrw sepc, t1
  li t1, 0x100
  csrs sstatus, t1
3:
  ld t1, 32(t0)
  csrrw t0, sscratch, t0
  sret

/* agent_user(counters): makes an ecall in U-mode and returns. a0 != 0: reads the counters there first. */
  .globl agent_user
agent_user:
  csrr t0, sscratch
  sd ra, 48(t0)
  lla t1, 1f
  csrw sepc, t1
  li t1, 0x100
  csrc sstatus, t1
  sret
1:
  beqz a0, 2f
  rdtime t1
  rdcycle t1
  rdinstret t1
2:
  ecall

/* agent_registers(rounds): fills the registers, spins, and returns how many lost their value. */
  .globl agent_registers
agent_registers:
  addi sp, sp, -128
  sd ra, 0(sp)
  sd gp, 8(sp)
  sd tp, 16(sp)
  sd s0, 24(sp)
  sd s1, 32(sp)
  sd s2, 40(sp)
  sd s3, 48(sp)
  sd s4, 56(sp)
  sd s5, 64(sp)
  sd s6, 72(sp)
  sd s7, 80(sp)
  sd s8, 88(sp)
  sd s9, 96(sp)
  sd s10, 104(sp)
  sd s11, 112(sp)
  li ra, 0x101
  .irp r, 3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  li x\r, 0x100 + \r
  .endr
1:
  addi a0, a0, -1
  bnez a0, 1b
  addi ra, ra, -0x101
  snez a0, ra
  .irp r, 3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  addi x\r, x\r, -(0x100 + \r)
  snez x\r, x\r
  add a0, a0, x\r
  .endr
  ld ra, 0(sp)
  ld gp, 8(sp)
  ld tp, 16(sp)
  ld s0, 24(sp)
  ld s1, 32(sp)
  ld s2, 40(sp)
  ld s3, 48(sp)
  ld s4, 56(sp)
  ld s5, 64(sp)
  ld s6, 72(sp)
  ld s7, 80(sp)
  ld s8, 88(sp)
  ld s9, 96(sp)
  ld s10, 104(sp)
  ld s11, 112(sp)
  addi sp, sp, 128
  ret

  .option push
  .option arch, +d
  .globl agent_float_fill
agent_float_fill: /* (pattern, fcsr) */
  li t0, 0x6000
  csrs sstatus, t0
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fmv.d.x f\n, a0
  .endr
  fscsr a1
  ret
  .globl agent_float_or
agent_float_or: /* -> or of all, fcsr in a1 */
  li t0, 0x6000
  csrs sstatus, t0
  li a0, 0
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fmv.x.d t0, f\n
  or a0, a0, t0
  .endr
  frcsr a1
  ret
  .option pop
