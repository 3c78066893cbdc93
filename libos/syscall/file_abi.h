// SPDX-License-Identifier: BSD-2-Clause
// Structures that the file families of system calls pass, as Linux lays them out on riscv64.
#pragma once

#include <cstdint>

#include "fs/inode.h"
#include "time/clock.h"

namespace pl {

struct IoVector { uint64_t address, bytes; };

struct StatRecord {  // struct stat, asm-generic
  uint64_t device, inode;
  uint32_t mode, links, uid, gid;
  uint64_t rdev, pad1;
  int64_t size;
  int32_t block_size, pad2;
  int64_t blocks;
  TimeSpec atime, mtime, ctime;
  uint32_t unused[2];
};
static_assert(sizeof(StatRecord) == 128);

struct StatxTime { int64_t seconds; uint32_t nanoseconds; int32_t pad; };
struct StatxRecord {
  uint32_t mask, block_size;
  uint64_t attributes;
  uint32_t links, uid, gid;
  uint16_t mode, pad1;
  uint64_t inode, size, blocks, attributes_mask;
  StatxTime atime, btime, ctime, mtime;
  uint32_t rdev_major, rdev_minor, device_major, device_minor;
  uint64_t mount;
  uint32_t pad2[26];
};
static_assert(sizeof(StatxRecord) == 256);

struct FileSystemStatusRecord {  // struct statfs
  uint64_t type, block_size, blocks, free, available, files, files_free;
  int32_t id[2];
  uint64_t name_length, fragment_size, flags, spare[4];
};
static_assert(sizeof(FileSystemStatusRecord) == 120);

struct FlockRecord {
  int16_t type, whence;
  int32_t pad1;
  int64_t start, length;
  int32_t pid, pad2;
};
static_assert(sizeof(FlockRecord) == 32);

struct PollRecord { int32_t descriptor; int16_t events, returned; };
struct EpollRecord { uint32_t events, pad; uint64_t data; };
static_assert(sizeof(EpollRecord) == 16);  // packed on x86 only

}  // namespace pl
