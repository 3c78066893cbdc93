// SPDX-License-Identifier: BSD-2-Clause
#include "base/log.h"
#include "ocall/leave.h"
#include "process/thread.h"
#include "syscall/table.h"

namespace pl {

namespace {
bool traced;
}

void enable_system_call_trace() { traced = true; }
bool system_calls_are_traced() { return traced; }

void trace_fault(const Thread& thread, int number, int code, uint64_t address) {
  log_line("[%d] fault: signal %d, code %d, address 0x%lx, pc 0x%lx, ra 0x%lx", thread.tid, number, code, address, thread.frame.pc,
           thread.frame.x[RegisterRa]);
  ocall::leave_doorbell();
}

void trace_system_call(const Thread& thread) {
  uint64_t number = thread.frame.x[RegisterA7];
  SystemCallDescription call = number < SystemCallLimit ? system_call_descriptions[number] : SystemCallDescription{};
  char line[160];
  size_t used = call.name ? format(line, sizeof(line), "[%d] %s(", thread.tid, call.name)
                          : format(line, sizeof(line), "[%d] call %lu(", thread.tid, number);
  for (unsigned i = 0; i < call.arguments && used < sizeof(line); ++i) {
    uint64_t value = i ? thread.frame.a(i) : thread.original_a0;
    used += format(line + used, sizeof(line) - used, i ? ", 0x%lx" : "0x%lx", value);
  }
  int64_t result = int64_t(thread.frame.a(0));
  if (result < 0 && result > -4096) log_line("%s) = -%ld (errno)", line, -result);
  else log_line("%s) = 0x%lx", line, uint64_t(result));
  ocall::leave_doorbell();  // so that no line is lost, nor the last ones of a crash
}

}  // namespace pl
