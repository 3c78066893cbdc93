// SPDX-License-Identifier: BSD-2-Clause
#include "fake_hart.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include <new>

#include "arch/memory.h"

using namespace pl;

Fake* fake;

namespace pl::arch {

void zero(PhysicalAddress start, u64 size) { memset(start.as<void>(), 0, size); }
void copy(PhysicalAddress to, PhysicalAddress from, u64 size) { memcpy(to.as<void>(), from.as<void>(), size); }
void poll() {}
u64 now() { return ++fake->time; }
Hart& this_hart() { return harts[0]; }
void prepare_hart(Hart&) {}
bool host_has_interrupt(const Hart&) { return fake->host_interrupt; }
void install(Hart& hart, Enclave& enclave, Context& context) {
  hart.enclave = &enclave;
  hart.context = &context;
  hart.loaded_version = enclave.memory_version;
  ++hart.switches;
  fake->log.push_back("install");
}
void uninstall(Hart& hart, Context&) {
  hart.enclave = nullptr;
  hart.context = nullptr;
  fake->log.push_back("uninstall");
}
Trap enter(Hart& hart, Context& context) { return fake->inside(hart, context); }
void reload_memory(Hart& hart) {
  hart.loaded_version = hart.enclave->memory_version;
  fake->log.push_back("reload");
}
void fence_translations(const Hart&) { fake->log.push_back("fence"); }
void serve_requests(Hart& hart) { answer_request(hart); }
void interrupt_hart(const Hart&) { fake->log.push_back("interrupt"); }
void set_deadline(Hart&, Context& context, u64 deadline) { context.deadline = deadline; }
bool timer_fired(Hart&, Context&) { return true; }
void raise_software_interrupt() {}
void mix_hardware_entropy() {}

}  // namespace pl::arch

Fake::Fake() {
  // Naturally aligned pool, host memory behind it.
  mapping_size_ = 2 * kPool + kHost;
  mapping_ = mmap(nullptr, mapping_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  cr_assert(mapping_ != MAP_FAILED);
  pool_ = (reinterpret_cast<u64>(mapping_) + kPool - 1) & ~(kPool - 1);
  host_ = pool_ + kPool;
  // Unknown content, as after power-on.
  memset(reinterpret_cast<void*>(pool_), 0xee, kPool);
  monitor.~Monitor();
  new (&monitor) Monitor();
  monitor.host_memory.add_bank({pool_, kPool + kHost});
  monitor.host_memory.exclude({pool_, kPool});
  monitor.entropy.mix("seed", 4);
  const u32 capacity = Table::capacity_for(kPool);
  const PhysicalAddress records = monitor.pool.initialize(PhysicalAddress(pool_), log2_of(kPool), kPageSize * 4 + capacity * sizeof(Slot));
  cr_assert(!records.is_null());
  static_assert(sizeof(Hart) * 2 <= kPageSize * 4);
  harts = records.as<Hart>();
  hart_count = 2;
  monitor.table.initialize((records + kPageSize * 4).as<Slot>(), capacity);
  harts[0].usable = harts[1].usable = true;
  fake = this;
}

Fake::~Fake() {
  munmap(mapping_, mapping_size_);
  fake = nullptr;
}

Reply Fake::call(u64 function, u64 a, u64 b, u64 c, u64 d) { return serve_host_call(hart(), function, Arguments{{a, b, c, d, 0, 0}}); }

Trap Fake::ecall(Context& context, u64 function, u64 a, u64 b, u64 c) {
  context.x[16] = PL_SBI_EXTENSION;
  context.x[15] = function;
  context.x[9] = a, context.x[10] = b, context.x[11] = c;
  return Trap{Trap::kSupervisorCall};
}

u64 Fake::make_created(u32 flags, u64 reserve, u64 limit, u32 contexts) {
  *host<pl_create>(0) = {reserve, limit, contexts, flags};
  const Reply made = call(PL_HOST_CREATE, host_page(0));
  cr_assert(made.status == Status::ok);
  for (int i = 0; i < 2; ++i) cr_assert(call(PL_HOST_ADD_PAGE, made.value, host_page(1)).status == Status::ok);
  return made.value;
}

u64 Fake::make_sealed(u32 flags, u64 reserve, u64 limit, u32 contexts) {
  const u64 id = make_created(flags, reserve, limit, contexts);
  cr_assert(call(PL_HOST_SEAL, id, host_page(2)).status == Status::ok);
  return id;
}

u64 Fake::make_template() {
  const u64 id = make_sealed(PL_CREATE_FREEZABLE);
  inside = [](Hart&, Context& context) { return ecall(context, PL_ENCLAVE_FREEZE, context.x[9] - 2 * kPageSize, 7, kForkSize); };
  const Reply left_with = call(PL_HOST_RUN, id);
  cr_assert(left_with.status == Status::ok && PL_LEFT_REASON(left_with.value) == PL_LEFT_FROZEN);
  return id;
}

Reply Fake::inside_call(u64 id, u64 function, u64 a, u64 b, u64 c) {
  int step = 0;
  Reply answer = Status::failed;
  u64 pc = 0;
  inside = [&](Hart&, Context& context) {
    if (step == 0) pc = context.pc, step = 1;
    if (context.pc != pc) {
      answer = Reply::of(context.x[10]);
      answer.status = static_cast<Status>(context.x[9]);
      return ecall(context, PL_ENCLAVE_LEAVE, PL_LEFT_DOORBELL);
    }
    return ecall(context, function, a, b, c);
  };
  const Reply left_with = call(PL_HOST_RUN, id);
  if (left_with.status != Status::ok) return left_with.status;
  return answer;
}

bool Fake::destroy(u64 id) {
  for (int i = 0; i < 10000; ++i) {
    const Reply reply = call(PL_HOST_DESTROY, id);
    if (reply.status != Status::again) return reply.status == Status::ok;
  }
  return false;
}
