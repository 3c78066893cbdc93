// SPDX-License-Identifier: BSD-2-Clause
#include "world/run.h"

#include "enclave/calls.h"

namespace pl {

namespace {

// Registers of the calling convention, as places in Context::x (x[0] is x1).
constexpr int kA0 = 9, kA1 = 10, kA2 = 11, kA6 = 15, kA7 = 16;

u64 take_call(Hart& hart, Enclave& enclave, Context& context) {
  Arguments arguments;
  for (int i = 0; i < 6; ++i) arguments.a[i] = context.x[kA0 + i];
  const EnclaveCall call{hart, enclave, context, arguments};
  const Outcome outcome = serve_enclave_call(context.x[kA7], context.x[kA6], call);
  if (outcome.repeat) return outcome.leave;  // pc stays: the same call is made again
  if (outcome.answers) {
    context.x[kA0] = static_cast<u64>(outcome.reply.status);
    context.x[kA1] = outcome.reply.value;
  }
  context.pc += 4;
  return outcome.leave;
}

u64 end(Enclave& enclave, Context& context, u64 fault) {
  LockGuard guard(enclave.slot->lock);
  end_enclave(enclave, &context, left(PL_LEFT_FAULT, fault));
  return enclave.end_word;
}

// 0: go on inside.
u64 take_trap(Hart& hart, Enclave& enclave, Context& context, Trap trap) {
  if (trap.is_interrupt()) {
    switch (trap.code()) {
      case Trap::kMachineSoftware:
        arch::serve_requests(hart);
        return 0;
      case Trap::kMachineTimer:
        return arch::timer_fired(hart, context) ? left(PL_LEFT_INTERRUPT) : 0;
      default:
        return left(PL_LEFT_INTERRUPT);
    }
  }
  switch (trap.code()) {
    case Trap::kSupervisorCall:
      return take_call(hart, enclave, context);
    case Trap::kFetchAccess:
    case Trap::kLoadAccess:
    case Trap::kStoreAccess:
      return end(enclave, context, PL_FAULT_ACCESS);
    default:
      return end(enclave, context, PL_FAULT_CAUSE);
  }
}

}  // namespace

void start_context(Context& context, u64 pc, u64 boot_block, u64 number, u64 opaque) {
  context.pc = pc;
  context.x[kA0] = boot_block;
  context.x[kA1] = number;
  context.x[kA2] = opaque;
  context.status = u64{1} << 11;  // MPP: S-mode. Interrupts and floating point off
  context.deadline = kNoTimer;
  context.started = true;
}

void write_boot_block(const Enclave& enclave, PhysicalAddress at) {
  struct pl_boot* boot = at.as<struct pl_boot>();
  boot->version = PL_SBI_VERSION;
  boot->id = enclave.id();
  boot->flags = enclave.flags | (enclave.is_fork() ? PL_BOOT_FORKED : 0);
  boot->base = enclave.base.value();
  boot->base_size = enclave.base_size;
  boot->base_reserve = enclave.base_reserve;
  boot->added_pages = enclave.added_pages;
  if (enclave.is_fork()) {
    boot->extent = enclave.own.value();
    boot->extent_size = enclave.own_size;
    boot->frozen_at = enclave.frozen_at;
  }
  boot->memory_limit = enclave.memory_limit;
  boot->contexts = enclave.contexts;
  boot->ram_end = monitor.host_memory.end();
  boot->timebase = monitor.timebase;
  boot->isa = monitor.isa;
  for (int i = 0; i < PL_WINDOWS; ++i) {
    boot->window[i].base = enclave.windows[i].base;
    boot->window[i].size = enclave.windows[i].size;
  }
  monitor.entropy.take(reinterpret_cast<u64*>(boot->entropy), PL_ENTROPY_SIZE / 8);
  const u64* measurement = reinterpret_cast<const u64*>(enclave.measurement);
  for (int i = 0; i < PL_MEASUREMENT_SIZE / 8; ++i) reinterpret_cast<u64*>(boot->measurement)[i] = measurement[i];
}

void tell_contexts(Enclave& enclave, const Context* self, u32 mask, Wait wait) {
  if (enclave.contexts == 1) return;
  u32 asked[PL_MAX_CONTEXTS] = {};
  for (u32 i = 0; i < enclave.contexts; ++i) {
    Context* other = enclave.context[i];
    if (other == nullptr || other == self || !(mask >> i & 1)) continue;
    Hart* hart = __atomic_load_n(&other->hart, __ATOMIC_ACQUIRE);
    if (hart == nullptr) continue;
    asked[i] = __atomic_add_fetch(&other->request, 1, __ATOMIC_SEQ_CST);
    arch::interrupt_hart(*hart);
  }
  if (wait == Wait::no) return;
  // Who is being waited for needs no lock to answer; one who left has nothing to answer for, as entering fences anew.
  for (u32 i = 0; i < enclave.contexts; ++i) {
    if (asked[i] == 0) continue;
    const Context* other = enclave.context[i];
    while (__atomic_load_n(&other->hart, __ATOMIC_ACQUIRE) != nullptr &&
           static_cast<int>(__atomic_load_n(&other->answered, __ATOMIC_ACQUIRE) - asked[i]) < 0) {
      arch::poll();
    }
  }
}

void answer_request(Hart& hart) {
  Context* context = hart.context;
  if (context == nullptr) return;
  const u32 request = __atomic_load_n(&context->request, __ATOMIC_ACQUIRE);
  if (hart.loaded_version != __atomic_load_n(&hart.enclave->memory_version, __ATOMIC_ACQUIRE)) {
    arch::reload_memory(hart);
  } else {
    arch::fence_translations(hart);
  }
  if (__atomic_exchange_n(&context->kicked, 0u, __ATOMIC_ACQUIRE)) hart.kicked = true;
  __atomic_store_n(&context->answered, request, __ATOMIC_RELEASE);
}

void end_enclave(Enclave& enclave, Context* self, u64 word) {
  if (enclave.state != State::sealed) return;
  enclave.end_word = word;
  enclave.state = State::exited;
  tell_contexts(enclave, self, ~0u, Wait::no);
}

Reply run_context(Hart& hart, Enclave& enclave, Context& context) {
  u64 word = left(PL_LEFT_INTERRUPT);
  if (!arch::host_has_interrupt(hart)) {
    arch::install(hart, enclave, context);
    if (__atomic_exchange_n(&context.kicked, 0u, __ATOMIC_ACQUIRE)) arch::raise_software_interrupt();
    do {
      word = take_trap(hart, enclave, context, arch::enter(hart, context));
      if (enclave.state_now() == State::exited) word = enclave.end_word;
      if (word == 0 && (hart.host_interrupted || enclave.state_now() != State::sealed)) word = left(PL_LEFT_INTERRUPT);
    } while (word == 0);
    arch::uninstall(hart, context);
  }
  const State state = enclave.state_now();
  // From here on the enclave may be freed by another hart.
  __atomic_store_n(&context.hart, static_cast<Hart*>(nullptr), __ATOMIC_RELEASE);
  if (state == State::dying) return Status::stale;
  return Reply::of(word);
}

}  // namespace pl
