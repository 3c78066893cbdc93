// SPDX-License-Identifier: BSD-2-Clause
// Before a freeze: blocks of a verified root image that every fork would read and check for itself are read and checked once.
#pragma once

#include <string_view>

#include "fs/inode.h"

namespace pl {

// All pages of an executable, its interpreter, and the shared libraries that it names, as far as they are where loaders look without being
// told. Nothing depends on it: what is not found, or cannot be read, is left to the forks.
void prefetch_executable(const Ref<Inode>& executable);
// The same for the dynamic loaders of glibc and musl, and the C library.
void prefetch_loaders();

}  // namespace pl
