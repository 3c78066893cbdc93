// SPDX-License-Identifier: BSD-2-Clause
// Numbers of Linux's file interface on riscv64 (uapi asm-generic). Not the system's headers: unit tests run on another machine.
#pragma once

#include <cstdint>

namespace pl {

namespace open_flag {
constexpr uint32_t ReadOnly = 0, WriteOnly = 1, ReadWrite = 2, AccessMode = 3;
constexpr uint32_t Create = 0100, Exclusive = 0200, NoTerminal = 0400, Truncate = 01000, Append = 02000, NonBlock = 04000;
constexpr uint32_t DataSync = 010000, Async = 020000, Direct = 040000, LargeFile = 0100000, Directory = 0200000;
constexpr uint32_t NoFollow = 0400000, NoAccessTime = 01000000, CloseOnExec = 02000000, Sync = 04010000, Path = 010000000;
constexpr uint32_t TemporaryBit = 020000000, Temporary = TemporaryBit | Directory;
// Never the program's: openat2's RESOLVE_*, as open_path() takes them.
constexpr unsigned ResolveShift = 24;
constexpr uint32_t Resolve = 63u << ResolveShift;
// What fcntl(F_SETFL) may change.
constexpr uint32_t Settable = Append | NonBlock | Direct | NoAccessTime;
}  // namespace open_flag

namespace resolve_flag {
constexpr uint32_t NoCrossing = 1, NoMagicLinks = 2, NoLinks = 4, Beneath = 8, InRoot = 16, Cached = 32, Scoped = Beneath | InRoot;
}

namespace file_mode {
constexpr uint32_t Type = 0170000, Socket = 0140000, Link = 0120000, Regular = 0100000, Block = 0060000, Directory = 0040000,
                   Character = 0020000, Fifo = 0010000;
constexpr uint32_t SetUser = 04000, SetGroup = 02000, Sticky = 01000, Permissions = 07777;
}  // namespace file_mode

namespace poll_event {
constexpr uint32_t In = 1, Priority = 2, Out = 4, Error = 8, HangUp = 0x10, Invalid = 0x20, ReadNormal = 0x40, ReadBand = 0x80,
                   WriteNormal = 0x100, WriteBand = 0x200, ReadHangUp = 0x2000;
constexpr uint32_t Readable = In | ReadNormal, Writable = Out | WriteNormal;
}  // namespace poll_event

// faccessat(2) modes; also how the path walk asks for permission.
constexpr uint32_t AccessExecute = 1, AccessWrite = 2, AccessRead = 4;

constexpr int AtWorkingDirectory = -100;
namespace at_flag {
constexpr uint32_t NoFollow = 0x100, EffectiveAccess = 0x200, RemoveDirectory = 0x200, Follow = 0x400,
                   EmptyPath = 0x1000, StatxSync = 0x6000;
}

namespace rename_flag {
constexpr uint32_t NoReplace = 1, Exchange = 2, Whiteout = 4;
}

constexpr int SeekSet = 0, SeekCurrent = 1, SeekEnd = 2, SeekData = 3, SeekHole = 4;

// utimensat(2), as nanoseconds: see Inode::set_times.
constexpr int64_t TimeOmit = INT64_MIN, TimeNow = INT64_MIN + 1;

constexpr uint64_t MaxFileSize = INT64_MAX;
constexpr uint64_t MaxTransfer = 0x7ffff000;  // of one read or write (read(2))
constexpr unsigned MaxName = 255, MaxPath = 4096, MaxLinks = 40;

constexpr uint64_t make_device(uint32_t major, uint32_t minor) {
  return uint64_t(minor & 0xff) | uint64_t(major & 0xfff) << 8 | uint64_t(minor & ~0xffu) << 12 | uint64_t(major & ~0xfffu) << 32;
}
constexpr uint32_t device_major(uint64_t d) { return uint32_t(d >> 8 & 0xfff) | uint32_t(d >> 32 & ~0xfffull); }
constexpr uint32_t device_minor(uint64_t d) { return uint32_t(d & 0xff) | uint32_t(d >> 12 & ~0xffull); }

}  // namespace pl
