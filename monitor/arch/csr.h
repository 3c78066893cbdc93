// SPDX-License-Identifier: BSD-2-Clause
// CSR access by name or number (privileged spec, table 2.x), and the bits that the monitor uses.
#pragma once

#include "core/types.h"

// A number, not a name, for CSRs that not every assembler accepts for this -march.
#define PL_CSR_READ(csr)                                     \
  ({                                                         \
    u64 value_;                                              \
    __asm__ volatile("csrr %0, %1" : "=r"(value_) : "i"(csr) : "memory"); \
    value_;                                                  \
  })
#define PL_CSR_WRITE(csr, value) __asm__ volatile("csrw %0, %1" ::"i"(csr), "rK"(static_cast<u64>(value)) : "memory")
#define PL_CSR_SWAP(csr, value)                                                                            \
  ({                                                                                                       \
    u64 value_;                                                                                            \
    __asm__ volatile("csrrw %0, %1, %2" : "=r"(value_) : "i"(csr), "rK"(static_cast<u64>(value)) : "memory"); \
    value_;                                                                                                \
  })
#define PL_CSR_SET(csr, bits) __asm__ volatile("csrs %0, %1" ::"i"(csr), "rK"(static_cast<u64>(bits)) : "memory")
#define PL_CSR_CLEAR(csr, bits) __asm__ volatile("csrc %0, %1" ::"i"(csr), "rK"(static_cast<u64>(bits)) : "memory")

namespace pl::csr {

enum : unsigned {
  seed = 0x015,
  stvec = 0x105,
  scounteren = 0x106,
  senvcfg = 0x10a,
  sscratch = 0x140,
  sepc = 0x141,
  scause = 0x142,
  stval = 0x143,
  stimecmp = 0x14d,
  satp = 0x180,
  vsstatus = 0x200,
  vstvec = 0x205,
  vsscratch = 0x240,
  vsepc = 0x241,
  vscause = 0x242,
  vstval = 0x243,
  vstimecmp = 0x24d,
  vsatp = 0x280,
  mstatus = 0x300,
  misa = 0x301,
  medeleg = 0x302,
  mideleg = 0x303,
  mie = 0x304,
  mcounteren = 0x306,
  menvcfg = 0x30a,
  mstateen0 = 0x30c,
  mscratch = 0x340,
  mip = 0x344,
  pmpcfg0 = 0x3a0,
  pmpcfg2 = 0x3a2,
  pmpaddr0 = 0x3b0,
  hstatus = 0x600,
  hedeleg = 0x602,
  hideleg = 0x603,
  htimedelta = 0x605,
  hcounteren = 0x606,
  hgeie = 0x607,
  henvcfg = 0x60a,
  htval = 0x643,
  hvip = 0x645,
  htinst = 0x64a,
  hgatp = 0x680,
  time = 0xc01,
  mhartid = 0xf14,
};

// mip, mie, mideleg
inline constexpr u64 kSsi = 1 << 1, kMsi = 1 << 3, kSti = 1 << 5, kMti = 1 << 7, kSei = 1 << 9;

// mstatus
inline constexpr u64 kStatusSie = 1 << 1, kStatusSpie = 1 << 5, kStatusSpp = 1 << 8, kStatusMppS = 1 << 11,
                     kStatusMpp = 3 << 11, kStatusFs = 3 << 13, kStatusSum = 1 << 18, kStatusMxr = 1 << 19,
                     kStatusUxl = u64{3} << 32, kStatusSxl = u64{3} << 34, kStatusMpv = u64{1} << 39;

// menvcfg, senvcfg
inline constexpr u64 kEnvCbze = 1 << 7, kEnvAdue = u64{1} << 61, kEnvStce = u64{1} << 63;

}  // namespace pl::csr
