// SPDX-License-Identifier: BSD-2-Clause
// What each operation may answer: the errnos it can have (from the Linux man pages of the calls behind it) and what its result counts.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "penglai/ocall.h"

namespace pl::ocall {

class ErrnoSet {
 public:
  template <class... E>
  static constexpr ErrnoSet of(E... errors) {
    ErrnoSet s;
    (s.add(unsigned(errors)), ...);
    return s;
  }
  constexpr bool has(unsigned error) const { return error < 192 && (words_[error / 64] >> error % 64 & 1); }
  constexpr ErrnoSet operator|(const ErrnoSet& o) const {
    ErrnoSet s;
    for (int i = 0; i < 3; i++) s.words_[i] = words_[i] | o.words_[i];
    return s;
  }

 private:
  constexpr void add(unsigned error) { words_[error / 64] |= uint64_t(1) << error % 64; }
  uint64_t words_[3] = {};
};

enum class Counts : uint8_t { Nothing, Length, LinkTarget };  // bound of a result that is no error

struct Rule {
  ErrnoSet errors;
  Counts counts = Counts::Nothing;
};

constexpr uint16_t OperationCount = PL_OP_DEBUG + 1;

constexpr Rule rule_of(uint16_t operation) {
  using enum Errno;
  // Of a server that runs short, of a handle that is void, of an operation that it does not have.
  constexpr auto Always = ErrnoSet::of(Io, NoMemory, BadDescriptor, NoSystemCall, Invalid, Perm, Access, Stale, FileTableFull, TooManyFiles);
  constexpr auto Stream = ErrnoSet::of(Again, BrokenPipe, IsDirectory, NoSpace, FileTooBig, unsigned(122), NoDevice, NoDeviceAddress);
  constexpr auto Names = ErrnoSet::of(NoEntry, NotDirectory, NameTooLong, LinkLoop, Exists, ReadOnly, NoSpace, unsigned(122), Busy, CrossDevice);
  switch (operation) {
    case PL_OP_NOP: return {Always};
    case PL_OP_CANCEL: return {Always | ErrnoSet::of(NoEntry)};
    case PL_OP_POLL: return {Always | ErrnoSet::of(Canceled)};
    case PL_OP_READ:
    case PL_OP_WRITE:
    case PL_OP_PREAD:
    case PL_OP_PWRITE: return {Always | Stream | ErrnoSet::of(IllegalSeek), Counts::Length};
    case PL_OP_OPEN:
      return {Always | Names | ErrnoSet::of(IsDirectory, NoDevice, NoDeviceAddress, TextBusy, FileTooBig, Overflow, Again, NotSupported)};
    case PL_OP_CLOSE: return {Always | ErrnoSet::of(NoSpace, unsigned(122))};
    case PL_OP_STAT: return {Always | ErrnoSet::of(Overflow, NoEntry)};
    case PL_OP_LOOKUP: return {Always | Names | ErrnoSet::of(Overflow)};
    case PL_OP_LIST: return {Always | ErrnoSet::of(NoEntry, NotDirectory), Counts::Length};
    case PL_OP_MKDIR:
    case PL_OP_SYMLINK: return {Always | Names | ErrnoSet::of(TooManyLinks, NotSupported)};
    case PL_OP_LINK: return {Always | Names | ErrnoSet::of(TooManyLinks, NotSupported)};
    case PL_OP_UNLINK: return {Always | Names | ErrnoSet::of(IsDirectory, NotEmpty, TextBusy)};
    case PL_OP_RENAME: return {Always | Names | ErrnoSet::of(IsDirectory, NotEmpty, TooManyLinks, TextBusy, NotSupported)};
    case PL_OP_READLINK: return {Always | Names, Counts::LinkTarget};
    case PL_OP_TRUNCATE: return {Always | Stream | ErrnoSet::of(TextBusy, ReadOnly)};
    case PL_OP_ATTRIBUTES: return {Always | ErrnoSet::of(NoEntry, ReadOnly, NoSpace, NotSupported, Overflow)};
    case PL_OP_SYNC: return {Always | ErrnoSet::of(NoSpace, ReadOnly, unsigned(122))};
    case PL_OP_STATFS: return {Always | ErrnoSet::of(Overflow)};
    case PL_OP_LOCK: return {Always | ErrnoSet::of(Again, NoLocks, Deadlock)};
    case PL_OP_DEBUG: return {Always, Counts::Length};
    case PL_OP_TIME: return {Always};
    case PL_OP_TERMINAL_GET:
    case PL_OP_TERMINAL_SET: return {Always | ErrnoSet::of(NotTerminal, Again)};
    case PL_OP_ALLOCATE: return {Always | Stream | ErrnoSet::of(NotSupported, TextBusy, IllegalSeek, ReadOnly)};
    default: return {Always};
  }
}

}  // namespace pl::ocall
