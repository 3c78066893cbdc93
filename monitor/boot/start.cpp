// SPDX-License-Identifier: BSD-2-Clause
// From a machine description to a monitor that serves calls.
#include "arch/csr.h"
#include "arch/firmware.h"
#include "arch/memory.h"
#include "host/calls.h"
#include "world/harts.h"

namespace pl {

namespace {

static_assert(PL_FIRMWARE_EXTENSION == PL_SBI_EXTENSION);

constexpr u64 round_up(u64 value, u64 unit) { return (value + unit - 1) & ~(unit - 1); }

}  // namespace

extern "C" void pl_learn_memory(const pl_machine* machine) {
  for (u32 i = 0; i < machine->ram_banks; ++i) monitor.host_memory.add_bank({machine->ram[i].base, machine->ram[i].size});
  if (machine->pool.size != 0) monitor.host_memory.exclude({machine->pool.base, machine->pool.size});
  monitor.host_memory.exclude({machine->firmware.base, machine->firmware.size});
}

extern "C" int pl_host_owns(pl_word start, pl_word size) { return monitor.host_memory.owns(start, size); }

extern "C" const char* pl_monitor_start(const pl_machine* machine, pl_hart_features boot_hart) {
  if (!boot_hart.usable) return "the hart has an extension that cannot be isolated, or fewer than 16 PMP entries";
  if (machine->pool.size == 0) return "no pool";
  if (machine->zbb) {
    hash::best = hash::compress_zbb;
    monitor.entropy.use(chacha20_block_zbb);
  }
  if (machine->seed_size != 0) monitor.entropy.mix(machine->seed, machine->seed_size);
  if (boot_hart.seed) arch::mix_hardware_entropy();
  if (!monitor.entropy.is_seeded()) return "no source of randomness: neither rng-seed nor the seed CSR";

  monitor.timebase = machine->timebase;
  monitor.isa = (boot_hart.sstc ? PL_ISA_SSTC : 0) | (machine->zbb ? PL_ISA_ZBB : 0) | (boot_hart.zicboz ? PL_ISA_ZICBOZ : 0);

  const u64 hart_bytes = round_up(machine->harts * sizeof(Hart), kPageSize);
  const u32 capacity = Table::capacity_for(machine->pool.size);
  const PhysicalAddress records = monitor.pool.initialize(PhysicalAddress(machine->pool.base), log2_of(machine->pool.size),
                                                          hart_bytes + capacity * sizeof(Slot));
  if (records.is_null()) return "the pool is too small";
  harts = records.as<Hart>();
  hart_count = machine->harts;
  monitor.table.initialize((records + hart_bytes).as<Slot>(), capacity);
  return nullptr;
}

extern "C" void* pl_hart_start(pl_hart_features features) {
  Hart& hart = harts[features.index];
  hart.index = features.index;
  hart.id = features.id;
  // The boot block speaks for all harts: one that lacks what the first has is left to the host.
  hart.usable = features.usable && (features.sstc != 0) == ((monitor.isa & PL_ISA_SSTC) != 0) &&
                (features.zicboz != 0 || !(monitor.isa & PL_ISA_ZICBOZ));
  hart.has_sstc = features.sstc;
  hart.has_hypervisor = features.hypervisor;
  hart.has_float = features.floating;
  hart.has_state_enable = features.state_enable;
  // OpenSBI writes PMP and timer anew at each start of a hart.
  hart.host_pmp_known = false;
  hart.armed = 0;
  hart.host_deadline = kNoTimer;
  arch::prepare_hart(hart);
  return &hart;
}

extern "C" int pl_serve_host(u64, u64 function, u64* registers, bool* skip_registers) {
  Hart& hart = arch::this_hart();
  const Arguments& arguments = *reinterpret_cast<const Arguments*>(registers + PL_REGISTER_A0);
  const Reply reply = hart.usable ? serve_host_call(hart, function, arguments) : Reply(Status::not_supported);
  registers[PL_REGISTER_A0] = static_cast<u64>(reply.status);
  registers[PL_REGISTER_A0 + 1] = reply.value;
  registers[PL_REGISTER_MEPC] += 4;
  *skip_registers = true;
  return 0;
}

extern "C" void pl_host_set_timer(pl_word deadline) {
  Hart& hart = arch::this_hart();
  hart.host_deadline = deadline;
  if (!hart.has_sstc) hart.armed = deadline;
  sbi_timer_event_start(deadline);
}

extern "C" void pl_answer_request() { answer_request(arch::this_hart()); }

extern "C" void pl_host_seed(unsigned char* bytes, pl_half size) {
  for (pl_half i = 0; i < size; i += 8) {
    u64 word;
    monitor.entropy.take(&word, 1);
    for (pl_half j = 0; j < 8 && i + j < size; ++j) bytes[i + j] = static_cast<u8>(word >> (8 * j));
  }
}

}  // namespace pl
