// SPDX-License-Identifier: BSD-2-Clause
// dup, fcntl, ioctl, flock.
#include "fs/abi.h"
#include "fs/async.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/locks.h"
#include "fs/pipe.h"
#include "fs/tmpfs/tmpfs.h"
#include "process/process.h"
#include "syscall/restart.h"
#include "syscall/table.h"

namespace pl {

Result sys_dup(int descriptor) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  return uint64_t(TRY(current_descriptors().install(std::move(file), OnExec::Keep)));
}

Result sys_dup3(int descriptor, int target, uint32_t flags) {
  if (flags & ~accepted::dup3_flags || descriptor == target) return fail(Errno::Invalid);
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  TRY(current_descriptors().replace(target, std::move(file), flags & open_flag::CloseOnExec ? OnExec::Close : OnExec::Keep));
  return uint64_t(target);
}

namespace {

enum Command : uint32_t {
  Duplicate = 0, GetDescriptorFlags = 1, SetDescriptorFlags = 2, GetFlags = 3, SetFlags = 4, GetLock = 5, SetLock = 6, SetLockWait = 7,
  SetOwner = 8, GetOwner = 9, SetSignal = 10, GetSignal = 11, SetOwnerExtended = 15, GetOwnerExtended = 16, OpenGetLock = 36, OpenSetLock = 37, OpenSetLockWait = 38,
  GetLease = 1025, DuplicateCloseOnExec = 1030, SetPipeSize = 1031, GetPipeSize = 1032, AddSeals = 1033, GetSeals = 1034,
};

Result record_lock(File& file, uint32_t command, UserAddress argument) {
  bool of_open_file = command >= OpenGetLock;
  Ref<Inode> inode = file.inode();
  if (!inode || !inode->is_regular()) return fail(Errno::Invalid);
  FlockRecord record = TRY(UserIn<FlockRecord>{argument}.read());
  if (of_open_file && record.pid != 0) return fail(Errno::Invalid);
  uint64_t base = 0;
  switch (record.whence) {
    case SeekSet: break;
    case SeekCurrent: base = TRY(file.seek(0, SeekCurrent)); break;
    case SeekEnd: base = TRY(inode->attributes()).size; break;
    default: return fail(Errno::Invalid);
  }
  int64_t first, last;
  if (__builtin_add_overflow(int64_t(base), record.start, &first)) return fail(Errno::Overflow);
  if (record.length > 0) {
    if (__builtin_add_overflow(first, record.length - 1, &last)) return fail(Errno::Overflow);
  } else if (record.length < 0) {
    last = first - 1;
    if (__builtin_add_overflow(first, record.length, &first)) return fail(Errno::Invalid);
  } else {
    last = INT64_MAX;
  }
  if (first < 0) return fail(Errno::Invalid);
  if (record.type < 0 || record.type > 2) return fail(Errno::Invalid);
  locks::Lock lock{locks::Kind::Record, locks::Type(record.type), of_open_file ? static_cast<const void*>(&file) : &current_descriptors(),
                   of_open_file ? -1 : current_process().pid, uint64_t(first), uint64_t(last)};
  if (command == GetLock || command == OpenGetLock) {
    if (record.type == 2 && command == GetLock) return fail(Errno::Invalid);
    locks::Lock blocker;
    if (TRY(locks::test(file, lock, blocker))) {
      record.type = int16_t(blocker.type);
      record.whence = SeekSet;
      record.start = int64_t(blocker.first);
      record.length = blocker.last == uint64_t(INT64_MAX) ? 0 : int64_t(blocker.last - blocker.first + 1);
      record.pid = blocker.pid;
    } else {
      record.type = 2;
    }
    TRY(UserOut<FlockRecord>{argument}.write(record));
    return 0;
  }
  if (lock.type == locks::Type::Read && !file.readable()) return fail(Errno::BadDescriptor);
  if (lock.type == locks::Type::Write && !file.writable()) return fail(Errno::BadDescriptor);
  bool wait = command == SetLockWait || command == OpenSetLockWait;
  TRY(restartable(locks::set(file, lock, wait ? locks::Blocking::Yes : locks::Blocking::No)));
  return 0;
}

// F_SETFL and FIONBIO's like: what of the flags may change. O_ASYNC stays as it is in a file that raises no signals.
ErrorOr<void> change_flags(File& file, int descriptor, uint32_t wanted) {
  if (wanted & ~file.flags() & open_flag::Direct && !file.may_bypass_cache()) return fail(Errno::Invalid);
  const uint32_t changeable = open_flag::Settable | (file.raises_signals() ? open_flag::Async : 0);
  if ((file.flags() ^ wanted) & changeable & open_flag::Async) TRY(async::turn(file, descriptor, wanted & open_flag::Async));
  return file.set_flags((file.flags() & ~changeable) | (wanted & changeable));
}

// F_SETOWN: a negative number is a group's.
ErrorOr<void> set_owner(File& file, int number) {
  if (number == INT32_MIN) return fail(Errno::Invalid);
  return async::set_owner(file, number < 0 ? async::Owner{async::Owner::Group, -number} : async::Owner{async::Owner::Process, number});
}

ErrorOr<TmpRegular*> sealable(File& file) {
  Ref<Inode> inode = file.inode();
  if (!inode || !inode->is_regular() || !TmpInode::is(*inode)) return fail(Errno::Invalid);
  return static_cast<TmpRegular*>(inode.get());
}

bool is_mapped_for_writing(const Inode& inode) {
  bool found = false;
  for_each_process([&](Process& p) {
    found = p.address_space && p.address_space->may_write(inode);
    return !found;
  });
  return found;
}

Result add_seals(File& file, uint32_t seals) {
  constexpr uint32_t Seal = 1, Shrink = 2, Grow = 4, Write = 8, FutureWrite = 16;
  if (!file.writable()) return fail(Errno::Perm);
  if (seals & ~(Seal | Shrink | Grow | Write | FutureWrite)) return fail(Errno::Invalid);
  TmpRegular* inode = TRY(sealable(file));
  if (inode->seals & Seal) return fail(Errno::Perm);  // also what cannot be sealed
  // First no new mapping, then a look whether there is one.
  const bool sealed = inode->is_write_sealed();
  if (seals & (Write | FutureWrite)) inode->set_write_sealed(true);
  if (seals & ~inode->seals & Write && is_mapped_for_writing(*inode)) {
    inode->set_write_sealed(sealed);
    return fail(Errno::Busy);
  }
  inode->seals |= seals;
  return 0;
}

}  // namespace

Result sys_fcntl(int descriptor, uint32_t command, uint64_t argument) {
  Descriptors& table = current_descriptors();
  Ref<File> file = TRY(table.get(descriptor));
  if (file->flags() & open_flag::Path && command != Duplicate && command != DuplicateCloseOnExec && command != GetDescriptorFlags &&
      command != SetDescriptorFlags && command != GetFlags)
    return fail(Errno::BadDescriptor);
  switch (command) {
    case Duplicate:
    case DuplicateCloseOnExec:
      if (argument >= table.limit()) return fail(Errno::Invalid);
      return uint64_t(TRY(table.install(std::move(file), command == Duplicate ? OnExec::Keep : OnExec::Close, int(argument))));
    case GetDescriptorFlags: return TRY(table.on_exec(descriptor)) == OnExec::Close ? 1 : 0;
    case SetDescriptorFlags: TRY(table.set_on_exec(descriptor, argument & 1 ? OnExec::Close : OnExec::Keep)); return 0;
    case GetFlags: return file->flags() | (file->inode() && !(file->flags() & open_flag::Path) ? open_flag::LargeFile : 0);
    case SetFlags:
      TRY(change_flags(*file, descriptor, uint32_t(argument)));
      return 0;
    case GetLock:
    case SetLock:
    case SetLockWait:
    case OpenGetLock:
    case OpenSetLock:
    case OpenSetLockWait: return record_lock(*file, command, UserAddress(argument));
    case SetPipeSize:
      if (!file->as_pipe()) return fail(Errno::BadDescriptor);
      return TRY(file->as_pipe()->pipe().set_capacity(uint32_t(argument)));
    case GetPipeSize:
      if (!file->as_pipe()) return fail(Errno::BadDescriptor);
      return file->as_pipe()->pipe().capacity();
    case AddSeals: return add_seals(*file, uint32_t(argument));
    case GetSeals: {
      uint32_t seals = TRY(sealable(*file))->seals;
      if (seals == ~0u) return 1;  // F_SEAL_SEAL: nothing can be added
      return seals;
    }
    case GetLease: return uint64_t(locks::Type::Unlock);  // nobody can have one
    case SetOwner: TRY(set_owner(*file, int(argument))); return 0;
    case GetOwner: {
      async::Owner owner = async::owner_of(*file);
      return uint64_t(int64_t(owner.kind == async::Owner::Group ? -owner.id : owner.id));
    }
    case SetOwnerExtended: TRY(async::set_owner(*file, TRY(UserIn<async::Owner>{UserAddress(argument)}.read()))); return 0;
    case GetOwnerExtended: TRY(UserOut<async::Owner>{UserAddress(argument)}.write(async::owner_of(*file))); return 0;
    case SetSignal: TRY(async::set_signal(*file, int(argument))); return 0;
    case GetSignal: return uint64_t(async::signal_of(*file));
    default: return fail(Errno::Invalid);
  }
}

Result sys_ioctl(int descriptor, uint32_t command, UserAddress argument) {
  constexpr uint32_t CloseOnExecOff = 0x5450, CloseOnExecOn = 0x5451, NonBlocking = 0x5421, Asynchronous = 0x5452, Extents = 0xc020660b,
                     Clone = 0x40049409, BlockSize = 2;
  constexpr uint32_t SetOwner = 0x8901, SetGroupOwner = 0x8902, GetOwner = 0x8903, GetGroupOwner = 0x8904;  // FIOSETOWN, SIOCSPGRP, ...
  Ref<File> file = TRY(current_descriptors().get_open(descriptor));
  switch (command) {
    case CloseOnExecOn:
    case CloseOnExecOff:
      TRY(current_descriptors().set_on_exec(descriptor, command == CloseOnExecOn ? OnExec::Close : OnExec::Keep));
      return 0;
    case NonBlocking:
    case Asynchronous: {
      uint32_t flag = command == NonBlocking ? open_flag::NonBlock : open_flag::Async;
      int on = TRY(UserIn<int>{argument}.read());
      if (flag == open_flag::Async && bool(on) != bool(file->flags() & flag) && !file->raises_signals()) return fail(Errno::NotTerminal);
      TRY(change_flags(*file, descriptor, on ? file->flags() | flag : file->flags() & ~flag));
      return 0;
    }
    // What no file system here can do, and how large its blocks are (ioctl_fideduperange(2) and its kin).
    case Extents: return fail(Errno::NotSupported);
    case Clone: {
      Ref<Inode> from = TRY(current_descriptors().get_open(int(argument.value)))->inode(), to = file->inode();
      if (!to || !from || from->file_system_identity() != to->file_system_identity()) return fail(Errno::CrossDevice);
      return fail(from->is_directory() || to->is_directory() ? Errno::IsDirectory : Errno::NotSupported);
    }
    case BlockSize: TRY(UserOut<int>{argument}.write(int(PageSize))); return 0;
    case SetOwner:
    case SetGroupOwner:
      if (!file->as_socket()) break;
      TRY(set_owner(*file, TRY(UserIn<int>{argument}.read())));
      return 0;
    case GetOwner:
    case GetGroupOwner:
      if (!file->as_socket()) break;
      TRY(UserOut<int>{argument}.write(int(TRY(sys_fcntl(descriptor, Command::GetOwner, 0)))));
      return 0;
  }
  return restartable(file->ioctl(command, argument));
}

Result sys_flock(int descriptor, uint32_t operation) {
  constexpr uint32_t SharedLock = 1, ExclusiveLock = 2, NonBlock = 4, Unlock = 8;
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  if (file->flags() & open_flag::Path) return fail(Errno::BadDescriptor);
  locks::Type type;
  switch (operation & ~NonBlock) {
    case SharedLock: type = locks::Type::Read; break;
    case ExclusiveLock: type = locks::Type::Write; break;
    case Unlock: type = locks::Type::Unlock; break;
    default: return fail(Errno::Invalid);
  }
  if (!file->inode()) return fail(Errno::Invalid);
  locks::Lock lock{locks::Kind::Flock, type, file.get(), current_process().pid, 0, ~uint64_t(0)};
  TRY(restartable(locks::set(*file, lock, operation & NonBlock ? locks::Blocking::No : locks::Blocking::Yes)));
  return 0;
}

}  // namespace pl
