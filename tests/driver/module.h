// SPDX-License-Identifier: BSD-2-Clause
// Kernel modules, and what the kernel says of itself.
#pragma once

namespace pl::test {

int insert_module(const char* path, const char* parameters);  // 0 or -errno
int remove_module(const char* name);                          // 0 or -errno: -EWOULDBLOCK while it is in use
// How often a module is held; -1: it is not there.
int module_references(const char* name);
// KiB of memory that the kernel holds for itself and cannot give back (/proc/meminfo, SUnreclaim).
long kernel_kilobytes();

}  // namespace pl::test
