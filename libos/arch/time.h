// SPDX-License-Identifier: BSD-2-Clause
// The hart's counter and timer. Ticks are those of the time CSR; boot_parameters().timebase of them are a second.
#pragma once

#include <cstdint>

namespace pl {

#ifdef PL_HOSTED
extern uint64_t hosted_time;
inline uint64_t read_time() { return hosted_time; }
inline void set_timer(uint64_t) {}
#else
inline uint64_t read_time() {
  uint64_t ticks;
  asm volatile("rdtime %0" : "=r"(ticks));
  return ticks;
}
// The timer interrupt is raised from `deadline` on (stimecmp, or SBI TIME where the hart lacks Sstc); ~0 turns it off.
void set_timer(uint64_t deadline);
#endif

// Interrupt sources that user mode is interrupted for (sie) and what is pending now (sip). The libOS itself runs with
// interrupts off: the idle loop looks at pending_interrupts() after monitor::leave().
constexpr uint64_t InterruptSoftware = 1u << 1;
constexpr uint64_t InterruptTimer = 1u << 5;
uint64_t pending_interrupts();
void clear_software_interrupt();

}  // namespace pl
