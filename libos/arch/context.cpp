// SPDX-License-Identifier: BSD-2-Clause
#include "arch/context.h"

namespace pl {

extern "C" void context_entry();

void KernelContext::start(uint64_t stack_top, void (*entry)(void*), void* argument) {
  ra = reinterpret_cast<uint64_t>(&context_entry);
  sp = stack_top;
  s[0] = reinterpret_cast<uint64_t>(entry);
  s[1] = reinterpret_cast<uint64_t>(argument);
}

}  // namespace pl
