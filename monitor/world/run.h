// SPDX-License-Identifier: BSD-2-Clause
// An enclave on a hart: from the host's call that enters it to the reason why it left.
#pragma once

#include "arch/hart.h"
#include "core/monitor.h"

namespace pl {

constexpr u64 left(u64 reason, u64 detail = 0) { return reason | detail << 8; }

// Prepares a context's first instruction (see struct pl_boot in penglai/sbi.h).
void start_context(Context& context, u64 pc, u64 boot_block, u64 number, u64 opaque);
// Writes the boot block. `at` is zeroed memory of the enclave.
void write_boot_block(const Enclave& enclave, PhysicalAddress at);

// Runs a context that is marked as being on this hart. No lock is held. Answers as run() does.
Reply run_context(Hart& hart, Enclave& enclave, Context& context);

// Ends an enclave: the first reason counts. Its other contexts are told to leave.
void end_enclave(Enclave& enclave, Context* self, u64 word);
// Has all other contexts that are on a hart look at the enclave anew. The enclave's lock is held. Wait::yes: until each has.
enum class Wait : bool { no, yes };
void tell_contexts(Enclave& enclave, const Context* self, u32 mask, Wait wait);

}  // namespace pl
