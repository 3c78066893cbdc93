// SPDX-License-Identifier: BSD-2-Clause
// The terminal that the host's standard streams are, if one of them is. Bytes go through fs/stream.h; its line discipline is the host's.
#pragma once

#include "fs/terminal/terminal.h"

namespace pl {

Terminal& host_terminal();
// Which of the handles 0..2 are terminals, as struct pl_instance says: an answer to isatty() needs no ocall then. Once an instance.
void set_host_terminals(uint32_t bits);
bool is_host_terminal(uint32_t handle);
// The handle of the controlling terminal, or -1.
int host_terminal_handle();

}  // namespace pl
