// SPDX-License-Identifier: BSD-2-Clause
// Two harts in one enclave, and one hart that acts on what another runs.
#include "host.h"

namespace {

Agent shared;
volatile long second_error;
volatile u64 second_word, second_runs;

// Has the second hart enter an enclave, and returns once it is inside.
void enter_on_second_hart(void (*function)()) {
  const u64 before = query(PL_QUERY_SWITCHES);
  on_second_hart(function);
  while (query(PL_QUERY_SWITCHES) == before) {
  }
}

void run_second_context() {
  const Answer answer = monitor_call(PL_HOST_RUN, shared.id, 1);
  second_error = answer.error;
  second_word = answer.value;
  second_runs = second_runs + 1;
}

void run_first_context() {
  const Answer answer = monitor_call(PL_HOST_RUN, shared.id, 0);
  second_error = answer.error;
  second_word = answer.value;
}

void fork_and_destroy() {
  for (int i = 0; i < 300; ++i) {
    static struct alignas(4096) { struct pl_fork wish; } page;
    page.wish = {};
    page.wish.window[0] = {reinterpret_cast<u64>(shared.window), 4096};
    const Answer answer = monitor_call(PL_HOST_FORK, shared.id, reinterpret_cast<u64>(&page.wish));
    if (answer.error != PL_OK || !destroy(page.wish.id)) second_error = second_error + 1;
  }
}

}  // namespace

void test_contexts() {
  const u64 free = query(PL_QUERY_POOL_FREE);
  shared = make_agent(0, 2);
  shared.run(1);
  check_equal(shared.error, static_cast<u64>(PL_ERR_STATE), "a context that was not started does not run");
  const u64 block = shared.call(kCsr, kSscratch) - 1024;
  check_equal(static_cast<long>(shared.ecall(PL_ENCLAVE_CONTEXT_START, 2, block)), PL_ERR_INVALID, "a context beyond the policy cannot be started");
  // The second context's stack is the boot block's page too: only one of the two may be inside the agent's loop at a time, so it
  // gets its own page behind it as "boot block".
  shared.ecall(PL_ENCLAVE_GROW, 4096);
  const u64 entry = block - static_cast<u64>(agent_end - agent_start);
  check_equal(shared.ecall(PL_ENCLAVE_CONTEXT_START, 1, entry, 99), 0, "an enclave starts another context");
  check_equal(static_cast<long>(shared.ecall(PL_ENCLAVE_CONTEXT_START, 1, entry, 99)), PL_ERR_STATE, "once");
  check_equal(static_cast<long>(shared.ecall(PL_ENCLAVE_CONTEXT_KICK, 4)), PL_ERR_INVALID, "a kick is for contexts that there may be");
  check_equal(shared.ecall(PL_ENCLAVE_REMOTE_FENCE, 3), 0, "a remote fence returns at once when no other context is on a hart");
  shared.destroy();

  if (hart_count > 1) {
    // Both on harts: the second spins without a stack, at the page of its own that the first wrote: `1: j 1b`.
    shared = make_agent(0, 2);
    shared.ecall(PL_ENCLAVE_GROW, 4096);
    const u64 page = shared.call(kCsr, kSscratch) - 1024 + 4096;
    shared.call(kWrite, page, 0x0000006f);
    shared.ecall(PL_ENCLAVE_CONTEXT_START, 1, page, 0);
    enter_on_second_hart(run_second_context);
    check_equal(monitor_call(PL_HOST_RUN, shared.id, 1).error, static_cast<u64>(PL_ERR_BUSY), "one context is never entered on two harts at once");
    check_equal(monitor_call(PL_HOST_SET_WINDOW, shared.id, 1, 0, 0).error, static_cast<u64>(PL_ERR_BUSY), "a window does not change under a running context");
    const u64 start = ticks();
    u64 fences = 0;
    for (; fences < 200; ++fences) {
      if (shared.ecall(PL_ENCLAVE_REMOTE_FENCE, 2) != 0) break;
    }
    check(fences == 200 && second_hart_busy(), "a remote fence is acknowledged by a context on another hart, which runs on");
    print("# remote fence with its two switches, ns: ");
    print_number((ticks() - start) * 100 / 200);
    print("\n");
    shared.ecall(PL_ENCLAVE_EXTENT_GET, 64 << 10);
    const u64 extent = shared.command().result[1];
    check(shared.ecall(PL_ENCLAVE_EXTENT_PUT, extent) == 0 && second_hart_busy(), "extents come and go while another context runs");
    check_equal(shared.ecall(PL_ENCLAVE_CONTEXT_KICK, 2), 0, "a running context is kicked");
    shared.ecall(PL_ENCLAVE_EXIT, 5);
    wait_for_second_hart();
    check(second_error == PL_OK && PL_LEFT_REASON(second_word) == PL_LEFT_EXIT && PL_LEFT_DETAIL(second_word) == 5, "an exit takes the other contexts off");
    shared.destroy();

    // Destroyed while it runs on another hart.
    shared = make_agent();
    shared.set(kSpin);
    enter_on_second_hart(run_first_context);
    check_equal(monitor_call(PL_HOST_DESTROY, shared.id).error, static_cast<u64>(PL_ERR_AGAIN), "an enclave that runs elsewhere is told to leave");
    check(destroy(shared.id), "and is gone soon");
    wait_for_second_hart();
    check_equal(second_error, static_cast<u64>(PL_ERR_STALE), "the hart that ran it hears that it is stale");

    // A move: registers, memory and instructions on the other hart.
    shared = make_agent();
    shared.call(kFloatFill, 0x123, 0);
    u64 moved = 0;
    for (int i = 0; i < 200; ++i) {
      shared.set(kFloatSum);
      on_second_hart(run_first_context);
      wait_for_second_hart();
      moved += PL_LEFT_REASON(second_word) == PL_LEFT_DOORBELL && shared.command().result[0] == 0x123;
      moved += shared.call(kFloatSum) == 0x123;
    }
    check_equal(moved, 400, "an enclave moves between harts and keeps its state");
    shared.destroy();

    // Two harts fork one template at once.
    shared = make_agent(PL_CREATE_FREEZABLE);
    freeze(shared);
    second_error = 0;
    on_second_hart(fork_and_destroy);
    u64 good = 0;
    for (int i = 0; i < 300; ++i) {
      Agent one = fork(shared);
      good += one.error == PL_OK && destroy(one.id);
    }
    wait_for_second_hart();
    check(good == 300 && second_error == 0, "two harts fork one template at once");
    shared.destroy();

    // A host that tears down on one hart what it drives on another, for a while.
    u64 survived = 0;
    for (int i = 0; i < 100; ++i) {
      shared = make_agent();
      shared.set(kSpin);
      on_second_hart(run_first_context);
      const u64 wait = ticks();
      while (ticks() - wait < static_cast<u64>(i) * 20) {
      }
      survived += destroy(shared.id);
      wait_for_second_hart();
    }
    check_equal(survived, 100, "destroy races with run and wins");
  }
  check_equal(query(PL_QUERY_POOL_FREE), free, "nothing is lost");
}
