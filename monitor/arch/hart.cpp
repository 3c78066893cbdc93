// SPDX-License-Identifier: BSD-2-Clause
#include "arch/hart.h"

#include "arch/csr.h"
#include "arch/firmware.h"
#include "arch/hypervisor.h"
#include "arch/memory.h"
#include "core/monitor.h"

namespace pl::arch {

extern "C" {
u64 pl_switch_enter(Hart* hart, Context* context);
void pl_float_save(u64* area);
void pl_float_load(const u64* area);
void pl_pmp_write(u64 entry, u64 address);
void pl_memory_zero(u64 start, u64 size);
void pl_memory_zero_blocks(u64 start, u64 size);
void pl_memory_copy(u64 to, u64 from, u64 size);
}

static_assert(offsetof(Hart, switch_context) == 0 && offsetof(Hart, monitor_stack) == 8 &&
              offsetof(Hart, firmware_scratch) == 16 && offsetof(Hart, firmware_vector) == 24 &&
              offsetof(Hart, trap_value) == 32 && offsetof(Hart, spare) == 40);
static_assert(offsetof(Context, pc) == 0 && offsetof(Context, x) == 8 && offsetof(Context, status) == 256);

namespace {

// What an enclave may have chosen in mstatus; everything else is fixed.
constexpr u64 kOwnStatus = csr::kStatusSie | csr::kStatusSpie | csr::kStatusSpp | csr::kStatusMpp | csr::kStatusFs |
                           csr::kStatusSum | csr::kStatusMxr;

// Exceptions that are the libOS's business: misaligned fetch, load and store, illegal instruction, breakpoint, a call from
// U-mode, page faults. It hears of no access fault: that ends the enclave.
constexpr u64 kDelegatedExceptions = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 6 | 1u << 8 | 1u << 12 | 1u << 13 | 1u << 15;
constexpr u64 kDelegatedInterrupts = csr::kSsi | csr::kSti;
constexpr u64 kCounters = 7;  // cycle, time, instret

u64 smaller(u64 a, u64 b) { return a < b ? a : b; }

void arm_timer(Hart& hart, u64 deadline) {
  if (hart.armed == deadline) return;
  pl_firmware_arm_timer(deadline);
  hart.armed = deadline;
}

// Without Sstc the one comparator serves the host and the enclave: the earlier deadline counts.
u64 host_deadline(const Hart& hart) { return hart.host.mie & csr::kMti ? hart.host_deadline : kNoTimer; }

// OpenSBI writes the PMP once at each start of a hart; what it wrote is the host's set.
void learn_host_pmp(Hart& hart) {
  PmpSet& set = hart.host_pmp;
  set.config[0] = PL_CSR_READ(csr::pmpcfg0);
  set.config[1] = PL_CSR_READ(csr::pmpcfg2);
#define READ(n) set.address[n] = PL_CSR_READ(csr::pmpaddr0 + n)
  READ(0), READ(1), READ(2), READ(3), READ(4), READ(5), READ(6), READ(7);
  READ(8), READ(9), READ(10), READ(11), READ(12), READ(13), READ(14), READ(15);
#undef READ
  set.used = 0;
  hart.first_entry = 0;
  hart.borrowed = 0;
  for (unsigned entry = 0; entry < kPmpEntries; ++entry) {
    hart.address_now[entry] = set.address[entry];
    const u8 config = set.config_of(entry);
    if (config & PmpSet::kLocked) hart.usable = false;
    if ((config & PmpSet::kNatural) == 0) continue;
    set.used |= 1u << entry;
    if ((config & PmpSet::kNatural) == PmpSet::kTop && entry != 0) set.used |= 1u << (entry - 1);
    hart.first_entry = entry + 1;
  }
  hart.host_pmp_known = true;
}

void load_pmp(Hart& hart, const PmpSet& set, u32 entries) {
  for (u32 left = entries; left != 0; left &= left - 1) {
    const unsigned entry = static_cast<unsigned>(__builtin_ctz(left));
    if (hart.address_now[entry] == set.address[entry]) continue;
    hart.address_now[entry] = set.address[entry];
    pl_pmp_write(entry, set.address[entry]);
  }
  PL_CSR_WRITE(csr::pmpcfg0, set.config[0]);
  PL_CSR_WRITE(csr::pmpcfg2, set.config[1]);
}

}  // namespace

u64 now() { return PL_CSR_READ(csr::time); }

Hart& this_hart() {
  const u64 scratch = PL_CSR_READ(csr::mscratch);
  return **reinterpret_cast<Hart**>(scratch + pl_hart_scratch_offset);
}

void prepare_hart(Hart& hart) {
  hart.fixed_status = PL_CSR_READ(csr::mstatus) & (csr::kStatusUxl | csr::kStatusSxl);
  hart.fixed_menvcfg = PL_CSR_READ(csr::menvcfg) & (csr::kEnvStce | csr::kEnvAdue | csr::kEnvCbze);
  if (hart.has_hypervisor) prepare_hypervisor(hart.has_sstc);
  hart.fixed_senvcfg = hart.fixed_menvcfg & csr::kEnvCbze;
}

bool host_has_interrupt(const Hart&) {
  return (PL_CSR_READ(csr::mip) & PL_CSR_READ(csr::mie) & (csr::kSsi | csr::kSti | csr::kSei)) != 0;
}

void fence_translations(const Hart& hart) {
  __asm__ volatile("sfence.vma" ::: "memory");
  if (hart.has_hypervisor) fence_guest_translations();
}

void reload_memory(Hart& hart) {
  PmpSet set;
  hart.loaded_version = __atomic_load_n(&hart.enclave->memory_version, __ATOMIC_ACQUIRE);
  compute_pmp_set(*hart.enclave, hart.first_entry, set);
  hart.borrowed |= set.used & hart.host_pmp.used;
  load_pmp(hart, set, set.used);
  fence_translations(hart);
}

void install(Hart& hart, Enclave& enclave, Context& context) {
  HostState& host = hart.host;
  if (!hart.host_pmp_known) learn_host_pmp(hart);

  // f0 to f31 always change hands whole. S-mode turns sstatus.FS on and off without a trap, and Linux comes here with FS off and
  // a process's live values in the registers, so FS says nothing about whose values they are.
  if (hart.has_float) {
    PL_CSR_SET(csr::mstatus, csr::kStatusFs);
    pl_float_save(host.f);
    pl_float_load(context.f);
  }

  host.stvec = PL_CSR_SWAP(csr::stvec, context.stvec);
  host.sscratch = PL_CSR_SWAP(csr::sscratch, context.sscratch);
  host.sepc = PL_CSR_SWAP(csr::sepc, context.sepc);
  host.scause = PL_CSR_SWAP(csr::scause, context.scause);
  host.stval = PL_CSR_SWAP(csr::stval, context.stval);
  host.satp = PL_CSR_SWAP(csr::satp, context.satp);
  host.scounteren = PL_CSR_SWAP(csr::scounteren, kCounters);
  host.mcounteren = PL_CSR_SWAP(csr::mcounteren, kCounters);
  host.menvcfg = PL_CSR_SWAP(csr::menvcfg, hart.fixed_menvcfg);
  host.senvcfg = PL_CSR_SWAP(csr::senvcfg, hart.fixed_senvcfg);
  host.medeleg = PL_CSR_SWAP(csr::medeleg, kDelegatedExceptions);
  host.mideleg = PL_CSR_SWAP(csr::mideleg, kDelegatedInterrupts);
  if (hart.has_state_enable) host.mstateen0 = PL_CSR_SWAP(csr::mstateen0, 0);

  host.mie = PL_CSR_READ(csr::mie);
  PL_CSR_WRITE(csr::mie, csr::kMsi | csr::kMti | (host.mie & csr::kSei) | context.interrupts_enabled);
  host.mip = PL_CSR_READ(csr::mip);
  PL_CSR_CLEAR(csr::mip, csr::kSsi | csr::kSti);
  if (context.interrupts_pending != 0) PL_CSR_SET(csr::mip, context.interrupts_pending);

  if (hart.has_hypervisor) install_hypervisor(host.h, hart.has_sstc);
  if (hart.has_sstc) {
    host.stimecmp = PL_CSR_SWAP(csr::stimecmp, context.deadline);
    arm_timer(hart, host.mie & csr::kSti ? host.stimecmp : kNoTimer);
  } else {
    arm_timer(hart, smaller(host_deadline(hart), context.deadline));
  }

  context.status = (context.status & kOwnStatus) | hart.fixed_status;
  hart.enclave = &enclave;
  hart.context = &context;
  hart.host_interrupted = false;
  hart.kicked = false;
  ++hart.switches;

  // Instructions: another hart may have written them, or another enclave may have left its own in the same place.
  const u32 reuse = __atomic_load_n(&monitor.reuse, __ATOMIC_RELAXED);
  if (context.last_hart != &hart || hart.reuse_seen != reuse) {
    __asm__ volatile("fence.i" ::: "memory");
    context.last_hart = &hart;
    hart.reuse_seen = reuse;
  }
  reload_memory(hart);
}

void uninstall(Hart& hart, Context& context) {
  HostState& host = hart.host;
  hart.enclave = nullptr;
  hart.context = nullptr;
  load_pmp(hart, hart.host_pmp, hart.borrowed);
  hart.borrowed = 0;

  if (hart.has_hypervisor) uninstall_hypervisor(host.h, hart.has_sstc);
  context.interrupts_enabled = PL_CSR_SWAP(csr::mie, host.mie) & kDelegatedInterrupts;
  const u64 own = hart.has_sstc ? csr::kSsi : csr::kSsi | csr::kSti;
  context.interrupts_pending = PL_CSR_READ(csr::mip) & own;
  PL_CSR_CLEAR(csr::mip, own);
  u64 pending = host.mip & own;
  if (hart.host_interrupted) pending |= csr::kSsi;
  if (pending != 0) PL_CSR_SET(csr::mip, pending);
  if (hart.kicked) context.interrupts_pending |= csr::kSsi;

  PL_CSR_WRITE(csr::mideleg, host.mideleg);
  PL_CSR_WRITE(csr::medeleg, host.medeleg);
  if (hart.has_sstc) {
    context.deadline = PL_CSR_SWAP(csr::stimecmp, host.stimecmp);
  } else if (host.mie & csr::kMti) {
    arm_timer(hart, hart.host_deadline);
  }
  PL_CSR_WRITE(csr::menvcfg, host.menvcfg);
  PL_CSR_WRITE(csr::senvcfg, host.senvcfg);
  PL_CSR_WRITE(csr::mcounteren, host.mcounteren);
  PL_CSR_WRITE(csr::scounteren, host.scounteren);
  if (hart.has_state_enable) PL_CSR_WRITE(csr::mstateen0, host.mstateen0);
  context.stvec = PL_CSR_SWAP(csr::stvec, host.stvec);
  context.sscratch = PL_CSR_SWAP(csr::sscratch, host.sscratch);
  context.sepc = PL_CSR_SWAP(csr::sepc, host.sepc);
  context.scause = PL_CSR_SWAP(csr::scause, host.scause);
  context.stval = PL_CSR_SWAP(csr::stval, host.stval);
  context.satp = PL_CSR_SWAP(csr::satp, host.satp);

  if (hart.has_float) {
    PL_CSR_SET(csr::mstatus, csr::kStatusFs);
    pl_float_save(context.f);
    pl_float_load(host.f);
  }
  fence_translations(hart);
}

Trap enter(Hart& hart, Context& context) {
  const Trap trap{pl_switch_enter(&hart, &context)};
  // An enclave that went into VS-mode has left what is swapped and fenced here: it is ended like one that faults.
  if (context.status & csr::kStatusMpv) return Trap{Trap::kFetchAccess};
  context.status = (context.status & kOwnStatus) | hart.fixed_status;
  return trap;
}

void serve_requests(Hart& hart) {
  if (hart.context == nullptr) {
    sbi_ipi_process();
    return;
  }
  // OpenSBI raises the host's software interrupt in the bit that is the enclave's now: tell them apart.
  const bool own = PL_CSR_READ(csr::mip) & csr::kSsi;
  PL_CSR_CLEAR(csr::mip, csr::kSsi);
  sbi_ipi_process();
  if (PL_CSR_READ(csr::mip) & csr::kSsi) {
    hart.host_interrupted = true;
    PL_CSR_CLEAR(csr::mip, csr::kSsi);
  }
  if (own || hart.kicked) PL_CSR_SET(csr::mip, csr::kSsi);
  hart.kicked = false;
}

void poll() {
  if (PL_CSR_READ(csr::mip) & csr::kMsi) serve_requests(this_hart());
  __asm__ volatile("nop");
}

void interrupt_hart(const Hart& hart) { pl_firmware_interrupt_hart(hart.id); }

void set_deadline(Hart& hart, Context& context, u64 deadline) {
  deadline = smaller(deadline, kNoTimer);
  if (hart.has_sstc) {
    PL_CSR_WRITE(csr::stimecmp, deadline);
    return;
  }
  context.deadline = deadline;
  PL_CSR_CLEAR(csr::mip, csr::kSti);
  arm_timer(hart, smaller(host_deadline(hart), deadline));
}

bool timer_fired(Hart& hart, Context& context) {
  if (hart.has_sstc) return true;
  const u64 time = now();
  if (time >= host_deadline(hart)) return true;
  if (time >= context.deadline) {
    context.deadline = kNoTimer;
    PL_CSR_SET(csr::mip, csr::kSti);
  }
  arm_timer(hart, smaller(host_deadline(hart), context.deadline));
  return false;
}

void raise_software_interrupt() { PL_CSR_SET(csr::mip, csr::kSsi); }

void zero(PhysicalAddress start, u64 size) {
  if (monitor.isa & PL_ISA_ZICBOZ) {
    pl_memory_zero_blocks(start.value(), size);
  } else {
    pl_memory_zero(start.value(), size);
  }
}

void copy(PhysicalAddress to, PhysicalAddress from, u64 size) { pl_memory_copy(to.value(), from.value(), size); }

void mix_hardware_entropy() {
  // Entropy-source extension: 16 bits a read, OPST in bits 31:30 (10: valid). 64 reads of which a few may be empty.
  u64 words[32] = {};
  for (unsigned got = 0, tries = 0; got < 128 && tries < 4096; ++tries) {
    u64 value;
    __asm__ volatile("csrrw %0, 0x015, zero" : "=r"(value));
    if (value >> 30 == 2) words[got / 4] |= (value & 0xffff) << (got % 4 * 16), ++got;
  }
  monitor.entropy.mix(words, sizeof(words));
}

}  // namespace pl::arch
