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
          each(8, csr::hvip, 0) each(9, csr::htinst, 0) each(10, csr::hgatp, 0) each(11, csr::vsstatus, kXlen64)           \
              each(12, csr::vstvec, 0) each(13, csr::vsscratch, 0) each(14, csr::vsepc, 0) each(15, csr::vscause, 0)       \
                  each(16, csr::vstval, 0) each(17, csr::vsatp, 0)

}  // namespace

// Most hold the fixed value already, and a write costs more than a comparison.
void install_hypervisor(u64 saved[20], bool has_sstc) {
  // vstimecmp's interrupt enable and pending bits hang on henvcfg: first, while the host's is in place.
  if (has_sstc) saved[18] = PL_CSR_SWAP(csr::vstimecmp, PL_NO_DEADLINE);
#define PL_INSTALL(n, number, fixed)                  \
  saved[n] = PL_CSR_READ(number);                     \
  if (saved[n] != (fixed)) PL_CSR_WRITE(number, fixed);
  PL_HYPERVISOR_STATE(PL_INSTALL)
#undef PL_INSTALL
}

void uninstall_hypervisor(const u64 saved[20], bool has_sstc) {
#define PL_UNINSTALL(n, number, fixed) \
  if (PL_CSR_READ(number) != saved[n]) PL_CSR_WRITE(number, saved[n]);
  PL_HYPERVISOR_STATE(PL_UNINSTALL)
#undef PL_UNINSTALL
  if (has_sstc) PL_CSR_WRITE(csr::vstimecmp, saved[18]);
}

void fence_guest_translations() {
  __asm__ volatile(".insn r 0x73, 0, 0x31, zero, zero, zero" ::: "memory");  // hfence.gvma
  __asm__ volatile(".insn r 0x73, 0, 0x11, zero, zero, zero" ::: "memory");  // hfence.vvma
}

}  // namespace pl::arch
