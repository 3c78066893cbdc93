// SPDX-License-Identifier: BSD-2-Clause
// An enclave (memory, identity, policy) and its contexts (the registers of one hart inside). Both live in the pool, in blocks
// of the pool's least size: a fork's record costs 2 KiB.
#pragma once

#include "core/lock.h"
#include "core/pool.h"
#include "core/sha384.h"
#include "core/status.h"
#include "core/types.h"

namespace pl {

struct Hart;
struct Enclave;

// Registers of a context while it is not inside. arch/switch.S knows the offsets of pc, x and status.
struct Context {
  u64 pc;
  u64 x[31];  // x1 to x31
  u64 status; // mstatus, the bits that are the enclave's
  u64 stvec, sscratch, sepc, scause, stval, satp;
  u64 interrupts_enabled;  // sie
  u64 interrupts_pending;  // SSIP and, without Sstc, STIP
  u64 deadline;            // time at which its timer interrupt is due
  u64 f[33];               // f0 to f31, fcsr

  Hart* hart;       // it is on; null: on none. Set under the enclave's lock, cleared by that hart alone
  Hart* last_hart;  // for fence.i after a move
  // Another hart changed something: it counts `request` up and interrupts; this hart catches up and copies it to `answered`.
  u32 request, answered;
  u32 kicked;         // a supervisor software interrupt is to be raised
  bool started;       // has an entry point
  bool booted;        // context 0: the boot block is written
  bool asked_memory;  // the host was asked for memory for the call that is being repeated
};

enum class State : u32 {
  absent = 0,
  created = PL_STATE_CREATED,
  sealed = PL_STATE_SEALED,
  template_ = PL_STATE_TEMPLATE,
  exited = PL_STATE_EXITED,
  dying = PL_STATE_DYING,
};

// One entry of the table of enclaves. Never freed, so its lock can always be taken; what it says about an id holds under it.
struct Slot {
  Lock lock;
  u32 next_free;  // index + 1
  u64 id;         // 0: free
  Enclave* enclave;
};

struct Enclave {
  // A fork's own memory, which takes two PMP entries, counts as one.
  static constexpr u32 kMaxExtents = 10;
  // Most that a fork may begin with: every call is bounded.
  static constexpr u64 kMaxOwnSize = PL_MAX_FORK_SIZE;

  Slot* slot;
  Slot* origin;  // of a fork: its template
  State state;
  u32 flags;      // PL_CREATE_*
  u32 contexts;   // policy: at most so many
  u32 forks;      // of a template: alive
  bool hidden;    // of a template: removed, waits for its last fork
  bool was_template;
  Content reserve_content;
  Content pending_content;
  u32 extent_count;

  PhysicalAddress base;  // base region; in a fork the template's
  u64 base_size;         // granted
  u64 base_reserve;
  u64 grown;  // of the step that is being granted: so much is zeroed already
  u64 added_pages;
  u64 entry, cookie;  // of a template
  u64 fork_size;      // of a template: own_size of its forks
  PhysicalAddress own;  // of a fork: the memory it began with, whole pages
  u64 own_size;
  u64 frozen_at;
  u64 memory_limit;
  u64 held;  // bytes of private memory, records not counted

  Extent extents[kMaxExtents];
  Extent pending;  // allocated for the enclave, being zeroed: not yet its own
  Extent leaving;  // given back, being zeroed: no longer its own
  u64 progress;    // bytes of `pending` or `leaving` (or, dying, of the piece at hand) that are zeroed
  struct pl_window windows[PL_WINDOWS];
  u64 memory_version;  // counts up with each change of what it may reach
  u64 end_word;        // how it ended, as run() answers it
  u8 measurement[PL_MEASUREMENT_SIZE];
  Sha384 hash;  // while created

  Context* context[PL_MAX_CONTEXTS];
  Context first;

  u64 id() const { return slot->id; }
  // Changed under the slot's lock; a hart that runs a context looks without.
  void set_state(State to) { __atomic_store(&state, &to, __ATOMIC_RELEASE); }
  State state_now() const {
    State value;
    __atomic_load(&state, &value, __ATOMIC_ACQUIRE);
    return value;
  }
  bool is_fork() const { return origin != nullptr; }
  bool is_running() const;
  // Bytes it holds alone, with slack and records.
  u64 private_bytes() const;
};

static_assert(sizeof(Enclave) <= u64{1} << Pool::kMinOrder);
static_assert(sizeof(Context) <= u64{1} << Pool::kMinOrder);
static_assert(sizeof(Enclave) % 8 == 0 && sizeof(Context) % 8 == 0);

}  // namespace pl
