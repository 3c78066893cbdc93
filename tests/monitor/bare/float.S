/* SPDX-License-Identifier: BSD-2-Clause */
  .option arch, +d
  .globl host_float_fill
host_float_fill: /* (pattern, fcsr) */
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fmv.d.x f\n, a0
  .endr
  fscsr a1
  ret
  .globl host_float_lost
host_float_lost: /* (pattern, u64 *fcsr) -> how many differ */
  li t0, 0
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fmv.x.d t1, f\n
  xor t1, t1, a0
  snez t1, t1
  add t0, t0, t1
  .endr
  frcsr t1
  sd t1, 0(a1)
  mv a0, t0
  ret
