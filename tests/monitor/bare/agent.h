// SPDX-License-Identifier: BSD-2-Clause
// The enclave of these tests: it does what the host writes into the window, one command at a time, and rings. It trusts
// everything it is told, as it has nothing to hide.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <initializer_list>

#include "penglai/sbi.h"

using u8 = uint8_t;
using u32 = uint32_t;
using u64 = uint64_t;

struct Command {
  u64 operation;
  u64 a[8];
  u64 result[2];
  u64 traps, cause, value;  // of the agent's own trap handler, since it started
  u64 first_instruction;    // instret at the very first one
  u64 cookie, number;
  u64 counter;  // counts while it spins
};

enum Operation : u64 {
  kNothing = 0,
  kRead,         // a0: address
  kWrite,        // a0: address, a1: value
  kExecute,      // a0: address of a `ret`
  kEcall,        // a0: extension, a1: function, a2...: arguments
  kSpin,         // for ever, counting
  kFloatFill,    // a0: bit pattern for f0 to f31; fcsr from a1
  kFloatSum,     // xor of f0 to f31; result[1]: fcsr
  kCsr,          // a0: index of the list in agent.cpp -> value
  kCsrWrite,     // a0: index, a1: value
  kIsZero,       // a0: start, a1: size -> 1 if all of it is zero
  kFill,         // a0: start, a1: size, a2: pattern
  kAwait,        // enables the interrupts of a0 and waits for one -> scause
  kIllegal,      // an illegal instruction in S-mode, taken by its own handler
  kUserCall,     // goes to U-mode, which makes an ecall -> scause
  kRegisters,    // writes patterns into every general register and spins; a0: rounds
  kUserCounters, // reads time, cycle, instret in U-mode
  kPutAndRead,   // gives the extent a0 back and reads it before it leaves
  kVirtual,      // sets hstatus.SPV and returns into VS-mode
};

// Indexes for kCsr and kCsrWrite.
enum CsrIndex : u64 {
  kSstatus, kStvec, kSscratch, kSepc, kScause, kStval, kSatp, kSie, kSip, kScounteren, kSenvcfg, kStimecmp,
  kHstatus, kHedeleg, kHideleg, kHie, kHvip, kHtval, kHtinst, kHgatp, kHcounteren, kHenvcfg, kHtimedelta,
  kVsstatus, kVstvec, kVsscratch, kVsepc, kVscause, kVstval, kVsatp, kVstimecmp, kCsrCount,
};
