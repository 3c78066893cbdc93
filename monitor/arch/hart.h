// SPDX-License-Identifier: BSD-2-Clause
// A hart and the world switch: everything that depends on CSRs. The unit tests have a hart of their own behind this header.
#pragma once

#include "core/enclave.h"
#include "core/pmp_set.h"

namespace pl {

// Supervisor state of the host while an enclave is inside.
struct HostState {
  u64 stvec, sscratch, sepc, scause, stval, satp, scounteren, senvcfg;
  u64 medeleg, mideleg, mcounteren, menvcfg, mie, mip, mstateen0;
  u64 stimecmp;
  u64 h[20];  // with H: see arch/hypervisor.cpp
  u64 f[33];
};

struct Hart {
  // arch/switch.S knows these offsets.
  Context* switch_context;
  u64 monitor_stack;
  u64 firmware_scratch;
  u64 firmware_vector;
  u64 trap_value;
  u64 spare;

  u32 index;  // of the firmware
  u32 id;     // mhartid
  bool usable;      // has what isolation needs and nothing that we do not swap
  bool has_sstc, has_hypervisor, has_float, has_state_enable;
  bool host_pmp_known;

  // Who is inside; null: the host.
  Enclave* enclave;
  Context* context;
  u64 loaded_version;  // of enclave's memory
  bool host_interrupted;  // an inter-hart request left something for the host
  bool kicked;            // another context raised a software interrupt here
  u32 reuse_seen;

  u64 host_deadline;  // without Sstc: what the host asked for last
  u64 armed;          // what the M-mode comparator holds; 0: not known
  u64 fixed_status;   // mstatus bits that never change
  u64 fixed_menvcfg, fixed_senvcfg;

  u64 forks, switches;

  PmpSet host_pmp;
  unsigned first_entry;  // the first that the host leaves free
  u32 borrowed;          // bit n: entry n of the host's holds an enclave's address
  u64 address_now[kPmpEntries];
  HostState host;
};

struct Trap {
  static constexpr u64 kInterrupt = u64{1} << 63;
  static constexpr u64 kMachineSoftware = 3, kMachineTimer = 7, kSupervisorExternal = 9;
  static constexpr u64 kFetchAccess = 1, kLoadAccess = 5, kStoreAccess = 7, kSupervisorCall = 9;
  u64 cause;

  bool is_interrupt() const { return cause & kInterrupt; }
  u64 code() const { return cause & ~kInterrupt; }
};

namespace arch {

u64 now();
Hart& this_hart();
// At each start of a hart: what is fixed for as long as it runs.
void prepare_hart(Hart& hart);

// Whether the host has an interrupt to take before anything else runs.
bool host_has_interrupt(const Hart& hart);

// Puts the host's supervisor state away and the context's in place; and back.
void install(Hart& hart, Enclave& enclave, Context& context);
void uninstall(Hart& hart, Context& context);
// Runs the installed context until it traps into M-mode.
Trap enter(Hart& hart, Context& context);

// After a change of what the installed enclave may reach: new PMP entries and sfence.vma.
void reload_memory(Hart& hart);
void fence_translations(const Hart& hart);

// Serves an inter-hart request that interrupted the installed context, or that is pending while a lock is waited for.
void serve_requests(Hart& hart);
// Makes another hart call answer_request() soon.
void interrupt_hart(const Hart& hart);

// The enclave's timer: its deadline changed / the M-mode timer fired (true: the host's deadline has come).
void set_deadline(Hart& hart, Context& context, u64 deadline);
bool timer_fired(Hart& hart, Context& context);
void raise_software_interrupt();

// What the `seed` CSR gives, mixed into the monitor's entropy.
void mix_hardware_entropy();

}  // namespace arch

// What a hart does when another interrupted it: arch calls it with the installed context's state in place, or outside.
void answer_request(Hart& hart);

}  // namespace pl
