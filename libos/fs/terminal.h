// SPDX-License-Identifier: BSD-2-Clause
// ioctls of a terminal of the host (ioctl_tty(2)). Its line discipline is the host's; sessions and foreground groups are ours.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "memory/user.h"

namespace pl {

ErrorOr<uint64_t> terminal_ioctl(uint32_t handle, uint32_t command, UserAddress argument);

}  // namespace pl
