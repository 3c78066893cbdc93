// SPDX-License-Identifier: BSD-2-Clause
// The tree of file systems. It is made once, from the measured configuration, and does not change afterwards: mount(2) is EPERM.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/address.h"
#include "base/error.h"
#include "base/ref.h"
#include "fs/inode.h"
#include "penglai/config.h"

namespace pl {

class Descriptors;

struct Mount {
  Ref<Inode> covered;  // null for the root
  Ref<Inode> root;
  const char* type;    // as in /proc/mounts
  const char* source;
  uint32_t flags;      // PL_MOUNT_*
};

namespace fs {

// Builds the first tree: files of the configuration (whose contents are the pages from `contents` on, used in place), /dev, /proc,
// /tmp and the host mounts. Fails on a malformed configuration.
ErrorOr<void> initialize(const pl_config& config, PhysicalAddress contents);

// Descriptors 0, 1 and 2 on the host's standard streams. Done before a freeze: the streams are looked at when they are first used.
ErrorOr<void> open_standard_streams(Descriptors& descriptors);

// Path of the program to run, from the configuration; empty when it names none.
std::string_view program_path();

// How a template starts its program (struct pl_record_start); null when the configuration does not say.
const pl_record_start* template_start();

// The n-th path that the configuration has a template read before it freezes; empty behind the last.
std::string_view prefetched_path(unsigned index);

Ref<Inode> root();
// Is there a verified image below it?
bool has_root_image();
// What has been read of it so far stays in memory.
void keep_blocks();
// The mount whose root covers this inode (which has is_mount_point()), or which has this root.
const Mount* mount_on(const Inode& covered);
const Mount* mount_of_root(const Inode& root);
const Mount* mount_at(unsigned index);  // null behind the last
ErrorOr<void> add_mount(Ref<Inode> covered, Ref<Inode> root, const char* type, const char* source, uint32_t flags);

// Before a freeze: forgets what was cached of host directories.
void prepare_freeze();

}  // namespace fs
}  // namespace pl
