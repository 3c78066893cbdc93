// SPDX-License-Identifier: BSD-2-Clause
// Translation caches of this hart (privileged specification, 12.2.1). One context runs at a time, so no other hart has any.
#pragma once

#include <cstdint>

#include "base/address.h"

namespace pl {

#ifdef PL_HOSTED
inline void flush_page(uint64_t) {}
inline void flush_translations() {}
inline void flush_instructions() {}
inline PhysicalAddress hosted_root;
inline void set_root(PhysicalAddress root) { hosted_root = root; }
#else
inline void flush_page(uint64_t address) { asm volatile("sfence.vma %0" ::"r"(address) : "memory"); }
inline void flush_translations() { asm volatile("sfence.vma" ::: "memory"); }
inline void flush_instructions() { asm volatile("fence.i" ::: "memory"); }
inline void set_root(PhysicalAddress root) {
  asm volatile("csrw satp, %0\n\tsfence.vma" ::"r"(uint64_t(8) << 60 | root.page_number()) : "memory");
}
#endif

}  // namespace pl
