// SPDX-License-Identifier: BSD-2-Clause
#include "ocall/leave.h"

#include "arch/monitor.h"

namespace pl::ocall {

void leave_doorbell() { monitor::doorbell(); }
void leave_idle(uint64_t deadline) { monitor::idle(deadline); }
void end_instance_for_host() { monitor::fault(PL_FAULT_HOST); }

}  // namespace pl::ocall
