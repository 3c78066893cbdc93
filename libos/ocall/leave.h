// SPDX-License-Identifier: BSD-2-Clause
// The three SBI calls of the ring client. On the development machine the tests stand in for the host here.
#pragma once

#include <cstdint>

namespace pl::ocall {

void leave_doorbell();                     // the host looks at the ring, and every data operation has ended when it comes back
void leave_idle(uint64_t deadline);        // until an event or the deadline
[[noreturn]] void end_instance_for_host();  // PL_FAULT_HOST: the host broke the protocol

}  // namespace pl::ocall
