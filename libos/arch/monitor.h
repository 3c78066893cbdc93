// SPDX-License-Identifier: BSD-2-Clause
// What the libOS may ask of the monitor (monitor/include/penglai/sbi.h), typed.
#pragma once

#include <penglai/sbi.h>

#include <cstdint>
#include <expected>

#include "base/address.h"

namespace pl {

// True until the enclave ends; the windows in it were chosen by the host.
const pl_boot& boot_parameters();

namespace monitor {

enum class Status : int64_t {
  Failed = PL_ERR_FAILED, NotSupported = PL_ERR_NOT_SUPPORTED, Invalid = PL_ERR_INVALID, Denied = PL_ERR_DENIED,
  Address = PL_ERR_ADDRESS, NoMemory = PL_ERR_NO_MEMORY, NoEntry = PL_ERR_NO_ENTRY, State = PL_ERR_STATE, Busy = PL_ERR_BUSY,
  Again = PL_ERR_AGAIN, Limit = PL_ERR_LIMIT,
};
template <class T>
using Result = std::expected<T, Status>;

// `status` is a Linux wait status: code << 8 | signal.
[[noreturn]] void exit(uint32_t status);
[[noreturn]] void fault(uint32_t reason);  // PL_FAULT_*
void doorbell();                           // the host has served the ring when this returns
void idle(uint64_t deadline);              // gives the hart back until the deadline, an event or a kick; PL_NO_DEADLINE
Result<uint64_t> grow(uint64_t bytes);     // the base region's new size
Result<PhysicalAddress> extent_get(uint64_t bytes);
Result<void> extent_put(PhysicalAddress base);
Result<void> freeze(PhysicalAddress entry, uint64_t cookie, uint64_t fork_bytes);  // returns only with an error
Result<void> context_start(unsigned context, PhysicalAddress entry, uint64_t opaque);
Result<void> context_kick(uint64_t mask);
Result<void> remote_fence(uint64_t mask);
void set_timer(uint64_t deadline);  // SBI TIME

}  // namespace monitor
}  // namespace pl
