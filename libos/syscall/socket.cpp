// SPDX-License-Identifier: BSD-2-Clause
#include "syscall/table.h"

namespace pl {

Result sys_socket(int, int, int) { return fail(Errno::AddressFamily); }
Result sys_socketpair(int, int, int, UserOut<int>) { return fail(Errno::AddressFamily); }

}  // namespace pl
