// SPDX-License-Identifier: BSD-2-Clause
#include "shadow/fork.h"

#include "arch/context.h"
#include "arch/layout.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"
#include "memory/object_window.h"
#include "shadow/shadow.h"

namespace pl::shadow {

void adopt(const Handover& handover) {
  const pl_boot& boot = boot_parameters();
  auto& window = object_window::window();
  window.root = PhysicalAddress(handover.root);
  window.middle = PhysicalAddress(handover.middle);
  frames::start_fork(boot, PhysicalAddress(handover.next), window.root);
  static_cast<AddressSpaceImplementation*>(this_context().address_space)->adopt_root(window.root);
}

bool is_fork() { return object_window::shadow_of_template(); }
uint64_t generation() { return boot_parameters().id; }

}  // namespace pl::shadow
