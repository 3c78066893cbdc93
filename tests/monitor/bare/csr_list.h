// SPDX-License-Identifier: BSD-2-Clause
// The order of CsrIndex. each(index, number, value that host and enclave may write)
#define CSR_LIST(each)                                                                                                        \
  each(kSstatus, 0x100) each(kStvec, 0x105) each(kSscratch, 0x140) each(kSepc, 0x141) each(kScause, 0x142) each(kStval, 0x143) \
  each(kSatp, 0x180) each(kSie, 0x104) each(kSip, 0x144) each(kScounteren, 0x106) each(kSenvcfg, 0x10a) each(kStimecmp, 0x14d) \
  each(kHstatus, 0x600) each(kHedeleg, 0x602) each(kHideleg, 0x603) each(kHie, 0x604) each(kHvip, 0x645) each(kHtval, 0x643)   \
  each(kHtinst, 0x64a) each(kHgatp, 0x680) each(kHcounteren, 0x606) each(kHenvcfg, 0x60a) each(kHtimedelta, 0x605)             \
  each(kVsstatus, 0x200) each(kVstvec, 0x205) each(kVsscratch, 0x240) each(kVsepc, 0x241) each(kVscause, 0x242)                \
  each(kVstval, 0x243) each(kVsatp, 0x280) each(kVstimecmp, 0x24d)

#define CSR_READ(number)                                              \
  ({                                                                  \
    u64 v_;                                                           \
    __asm__ volatile("csrr %0, %1" : "=r"(v_) : "i"(number) : "memory"); \
    v_;                                                               \
  })
#define CSR_WRITE(number, value) __asm__ volatile("csrw %0, %1" ::"i"(number), "r"(static_cast<u64>(value)) : "memory")
