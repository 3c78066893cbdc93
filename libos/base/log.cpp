// SPDX-License-Identifier: BSD-2-Clause
#include "base/log.h"

#include <penglai/ocall.h>

#include <string_view>

#include "arch/monitor.h"
#include "memory/frame.h"
#include "ocall/ring.h"

namespace pl {

void log_line(const char* text, ...) {
  char line[200];
  va_list arguments;
  va_start(arguments, text);
  size_t length = format_list(line, sizeof line, text, arguments);
  va_end(arguments);
  ocall::log(std::string_view(line, length < sizeof line ? length : sizeof line - 1));
}

// Straight into the window, not through the ring client: whatever is broken, this should still work.
void panic(const char* text, ...) {
  char reason[sizeof(pl_ring::panic)];
  va_list arguments;
  va_start(arguments, text);
  format_list(reason, sizeof reason, text, arguments);
  va_end(arguments);
  const pl_window& window = boot_parameters().window[PL_WINDOW_OCALL];
  if (window.size >= PL_WINDOW_MIN) {
    auto* ring = static_cast<volatile pl_ring*>(frame_pointer(PhysicalAddress(window.base)));
    for (size_t i = 0; i < sizeof reason; i++) ring->panic[i] = reason[i];
  }
  monitor::fault(PL_FAULT_PANIC);
}

}  // namespace pl
