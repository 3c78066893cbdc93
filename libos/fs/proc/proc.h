// SPDX-License-Identifier: BSD-2-Clause
// /proc: what programs ask about processes and the system (proc(5)). Made when it is looked at; nothing is kept.
#pragma once

#include "base/ref.h"
#include "fs/inode.h"

namespace pl {

ErrorOr<Ref<Inode>> create_proc_root();

}  // namespace pl
