// SPDX-License-Identifier: BSD-2-Clause
// The operations of penglai/ocall.h, a file a family. Each takes a request that was copied in once and believes none of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "server/instance.h"

namespace pl {

// (stream.h has the streams themselves)
Outcome operation_read(Instance&, const pl_request&);
Outcome operation_write(Instance&, const pl_request&);

Outcome operation_pread(Instance&, const pl_request&);
Outcome operation_pwrite(Instance&, const pl_request&);
Outcome operation_truncate(Instance&, const pl_request&);
Outcome operation_sync(Instance&, const pl_request&);
Outcome operation_lock(Instance&, const pl_request&);
Outcome operation_allocate(Instance&, const pl_request&);

Outcome operation_open(Instance&, const pl_request&);
Outcome operation_close(Instance&, const pl_request&);
Outcome operation_list(Instance&, const pl_request&);

Outcome operation_mkdir(Instance&, const pl_request&);
Outcome operation_unlink(Instance&, const pl_request&);
Outcome operation_rename(Instance&, const pl_request&);
Outcome operation_link(Instance&, const pl_request&);
Outcome operation_symlink(Instance&, const pl_request&);
Outcome operation_readlink(Instance&, const pl_request&);

Outcome operation_stat(Instance&, const pl_request&);
Outcome operation_lookup(Instance&, const pl_request&);
Outcome operation_attributes(Instance&, const pl_request&);
Outcome operation_statfs(Instance&, const pl_request&);

Outcome operation_time(Instance&, const pl_request&);
Outcome operation_terminal_get(Instance&, const pl_request&);
Outcome operation_terminal_set(Instance&, const pl_request&);

// One path component, copied out of the window: not empty, no '/', no NUL, neither "." nor "..".
struct Name {
  char text[256];
};
std::expected<Name, int> copy_name(const Window& window, uint64_t buffer, uint64_t length);

// Where struct pl_stat goes behind a name of open and lookup.
std::span<std::byte> behind_name(const Window& window, const pl_request& request, size_t size);

// attributes.cpp
int put_status(std::span<std::byte> place, int descriptor, const char* name);  // 0 or -errno; links not followed

}  // namespace pl
