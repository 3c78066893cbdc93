// SPDX-License-Identifier: BSD-2-Clause
// /dev/pts: the slaves of open pseudoterminals, as files.
#pragma once

#include "fs/inode.h"

namespace pl {

class Pty;

ErrorOr<Ref<Inode>> create_devpts_root();
// The file of a slave.
ErrorOr<Ref<Inode>> pts_inode(Pty& pty);

}  // namespace pl
