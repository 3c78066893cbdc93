// SPDX-License-Identifier: BSD-2-Clause
#include "arch/hypervisor.h"

#include "arch/csr.h"

namespace pl::arch {

namespace {

constexpr u64 kXlen64 = u64{2} << 32;  // VSXL of hstatus, UXL of vsstatus

// hie, hip, vsie and vsip are views of mie and mip (privileged spec 8.2.3), which are swapped whole.
#define PL_HYPERVISOR_STATE(each)                                                                                          \
  each(0, csr::hstatus, kXlen64) each(1, csr::hedeleg, 0) each(2, csr::hideleg, 0) each(3, csr::htimedelta, 0)             \
      each(4, csr::hcounteren, 0) each(5, csr::hgeie, 0) each(6, csr::henvcfg, 0) each(7, csr::htval, 0)                   \
          each(9, csr::htinst, 0) each(10, csr::hgatp, 0) each(11, csr::vsstatus, kXlen64)           \
              each(12, csr::vstvec, 0) each(13, csr::vsscratch, 0) each(14, csr::vsepc, 0) each(15, csr::vscause, 0)       \
                  each(16, csr::vstval, 0) each(17, csr::vsatp, 0)

// QEMU 7.2 takes no write of hvip.VSTIP from M-mode while menvcfg.STCE is set.
void write_hvip(u64 value, bool has_sstc) {
  if (has_sstc) PL_CSR_CLEAR(csr::menvcfg, csr::kEnvStce);
  PL_CSR_WRITE(csr::hvip, value);
  if (has_sstc) PL_CSR_SET(csr::menvcfg, csr::kEnvStce);
}

}  // namespace

// The comparator's reset value would have it fire at the first write back.
void prepare_hypervisor(bool has_sstc) {
  if (has_sstc) PL_CSR_WRITE(csr::vstimecmp, kNoTimer);
}

// Most hold the fixed value already, and a write costs more than a comparison.
void install_hypervisor(u64 saved[20], bool has_sstc) {
#define PL_INSTALL(n, number, fixed)                  \
  saved[n] = PL_CSR_READ(number);                     \
  if (saved[n] != (fixed)) PL_CSR_WRITE(number, fixed);
  PL_HYPERVISOR_STATE(PL_INSTALL)
#undef PL_INSTALL
  saved[8] = PL_CSR_READ(csr::hvip);
  if (has_sstc) {
    saved[18] = PL_CSR_READ(csr::vstimecmp);
    if (saved[18] != kNoTimer) PL_CSR_WRITE(csr::vstimecmp, kNoTimer);
  }
  if (saved[8] != 0) write_hvip(0, has_sstc);
}

void uninstall_hypervisor(const u64 saved[20], bool has_sstc) {
  if (has_sstc && PL_CSR_READ(csr::vstimecmp) != saved[18]) PL_CSR_WRITE(csr::vstimecmp, saved[18]);
  if (PL_CSR_READ(csr::hvip) != saved[8]) write_hvip(saved[8], has_sstc);
#define PL_UNINSTALL(n, number, fixed) \
  if (PL_CSR_READ(number) != saved[n]) PL_CSR_WRITE(number, saved[n]);
  PL_HYPERVISOR_STATE(PL_UNINSTALL)
#undef PL_UNINSTALL
}

void fence_guest_translations() {
  __asm__ volatile(".insn r 0x73, 0, 0x31, zero, zero, zero" ::: "memory");  // hfence.gvma
  __asm__ volatile(".insn r 0x73, 0, 0x11, zero, zero, zero" ::: "memory");  // hfence.vvma
}

}  // namespace pl::arch
