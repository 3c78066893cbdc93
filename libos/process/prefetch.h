// SPDX-License-Identifier: BSD-2-Clause
// Before a freeze: blocks of a verified root image that every fork would read and check for itself are read and checked once.
#pragma once

#include <string_view>

#include "fs/inode.h"
#include "memory/address_space.h"

namespace pl {

// All pages of an executable, its interpreter, and the shared libraries that it names, as far as they are where loaders look without being
// told. Nothing depends on it: what is not found, or cannot be read, is left to the forks.
void prefetch_executable(const Ref<Inode>& executable);
// All pages of files of the root image that the program has mapped by now, for a template that has run it.
void prefetch_mapped_files(AddressSpace& space);
// The same as prefetch_executable for the dynamic loaders of glibc and musl, and the C library.
void prefetch_loaders();
// All of a file, and of what it is loaded with when it is an executable; or of everything below a directory, but for other mounts and what
// links lead to. Ends, and says so, where half of the template's memory is full. ENOENT and the like: there is no such thing.
ErrorOr<void> prefetch_path(std::string_view path);

}  // namespace pl
