// SPDX-License-Identifier: BSD-2-Clause
// stat and what changes what it tells; access; extended attributes.
#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "fs/pipe.h"
#include "fs/watch.h"
#include "process/process.h"
#include "syscall/table.h"

namespace pl {

namespace {

TimeSpec timespec_of(int64_t ns) {
  int64_t seconds = ns / int64_t(NanosecondsPerSecond), rest = ns % int64_t(NanosecondsPerSecond);
  if (rest < 0) rest += NanosecondsPerSecond, --seconds;
  return {seconds, rest};
}

StatRecord record_of(const Attributes& a) {
  StatRecord r{};
  r.device = a.device;
  r.inode = a.inode;
  r.mode = a.mode;
  r.links = a.links;
  r.uid = a.uid;
  r.gid = a.gid;
  r.rdev = a.rdev;
  r.size = int64_t(a.size);
  r.block_size = 4096;
  r.blocks = int64_t(a.blocks);
  r.atime = timespec_of(a.atime);
  r.mtime = timespec_of(a.mtime);
  r.ctime = timespec_of(a.ctime);
  return r;
}

// What a descriptor and a path, which may be empty with AT_EMPTY_PATH, name: a file (for an empty path) or an inode.
struct Target {
  Ref<File> file;
  Ref<Inode> inode;

  static ErrorOr<Target> find(int directory, UserAddress path, uint32_t flags) {
    // A null path with AT_EMPTY_PATH is an empty one (statx(2), since 6.11; harmless before).
    PathName name;
    if (path || !(flags & at_flag::EmptyPath)) TRY(name.read(path));
    if (name.view().empty()) {
      if (!(flags & at_flag::EmptyPath)) return fail(Errno::NoEntry);
      if (directory == AtWorkingDirectory) return Target{{}, current_file_context().directory};
      return Target{TRY(current_descriptors().get(directory)), {}};
    }
    Ref<Inode> base;
    if (name.view()[0] != '/') base = TRY(base_directory(directory));
    return Target{{}, TRY(resolve(base, name.view(), flags & at_flag::NoFollow ? LastLink::Keep : LastLink::Follow))};
  }
  ErrorOr<Attributes> attributes() const { return file ? file->attributes() : inode->attributes(); }
  ErrorOr<Ref<Inode>> changeable() const {
    Ref<Inode> i = file ? file->inode() : inode;
    if (!i) return fail(Errno::Invalid);
    if (i->read_only()) return fail(Errno::ReadOnly);
    return i;
  }
};

ErrorOr<void> must_own(Inode& inode) {
  FileCredentials who = current_file_credentials();
  if (who.has(Capability::FileOwner) || TRY(inode.attributes()).uid == who.uid) return {};
  return fail(Errno::Perm);
}

Result change_mode(Ref<Inode> inode, uint32_t mode) {
  if (inode->is_link()) return fail(Errno::NotSupported);
  TRY(must_own(*inode));
  FileCredentials who = current_file_credentials();
  // chmod(2): set-group-ID is dropped when the caller is not of that group.
  if (!who.has(Capability::KeepSetId) && mode & file_mode::SetGroup && !who.in_group(TRY(inode->attributes()).gid)) mode &= ~file_mode::SetGroup;
  TRY(inode->set_mode(mode & file_mode::Permissions));
  if (watches::any()) watches::tell(*inode, watch_event::Attributes);
  return 0;
}

Result change_owner(Ref<Inode> inode, uint32_t uid, uint32_t gid) {
  Attributes a = TRY(inode->attributes());
  FileCredentials who = current_file_credentials();
  if (!who.has(Capability::ChangeOwner)) {
    if (who.uid != a.uid || (uid != ~0u && uid != a.uid) || (gid != ~0u && gid != a.gid && !who.in_group(gid))) return fail(Errno::Perm);
  }
  if (uid == ~0u && gid == ~0u) return 0;
  TRY(inode->set_owner(uid, gid));
  if (watches::any()) watches::tell(*inode, watch_event::Attributes);
  // chown(2): an executable loses its set-ID bits.
  uint32_t clear = file_mode::SetUser | (a.mode & 010 ? file_mode::SetGroup : 0);
  if (inode->is_regular() && a.mode & clear && a.mode & 0111) TRY(inode->set_mode(a.mode & file_mode::Permissions & ~clear));
  return 0;
}

Result access(int directory, UserAddress path, uint32_t mode, uint32_t flags) {
  if (mode & ~accepted::faccessat_mode) return fail(Errno::Invalid);
  Target t = TRY(Target::find(directory, path, flags));
  Ref<Inode> inode = t.file ? t.file->inode() : t.inode;
  if (!inode || mode == 0) return 0;
  TRY(check_access(*inode, mode, flags & at_flag::EffectiveAccess ? current_file_credentials() : current_real_credentials()));
  return 0;
}

Result file_system_of(Inode* inode, File* file, UserOut<FileSystemStatusRecord> out) {
  constexpr uint64_t Pipes = 0x50495045, Sockets = 0x534f434b, Anonymous = 0x09041934;  // PIPEFS_MAGIC and its like
  FileSystemStatus s;
  if (inode) s = TRY(inode->file_system());
  else s.type = file->as_pipe() ? Pipes : file->as_socket() ? Sockets : Anonymous;
  FileSystemStatusRecord r{};
  r.type = s.type;
  r.block_size = s.block_size;
  r.blocks = s.blocks;
  r.free = s.free;
  r.available = s.available;
  r.files = s.files;
  r.files_free = s.files_free;
  r.name_length = MaxName;
  r.fragment_size = s.block_size;
  r.flags = 0x20 | (s.read_only ? 1 : 0) | (s.no_set_id ? 2 : 0);  // ST_VALID, ST_RDONLY, ST_NOSUID
  TRY(out.write(r));
  return 0;
}

}  // namespace

Result sys_fstat(int descriptor, UserOut<StatRecord> status) {
  TRY(status.write(record_of(TRY(TRY(current_descriptors().get(descriptor))->attributes()))));
  return 0;
}

Result sys_newfstatat(int directory, UserAddress path, UserOut<StatRecord> status, uint32_t flags) {
  if (flags & ~accepted::newfstatat_flags) return fail(Errno::Invalid);
  Target t = TRY(Target::find(directory, path, flags));
  TRY(status.write(record_of(TRY(t.attributes()))));
  return 0;
}

Result sys_statx(int directory, UserAddress path, uint32_t flags, uint32_t mask, UserOut<StatxRecord> status) {
  constexpr uint32_t Basic = 0x7ff, Reserved = 0x80000000;
  if (flags & ~accepted::statx_flags) return fail(Errno::Invalid);
  if ((flags & at_flag::StatxSync) == at_flag::StatxSync || mask & Reserved) return fail(Errno::Invalid);
  Attributes a = TRY(TRY(Target::find(directory, path, flags)).attributes());
  auto time = [](int64_t ns) {
    TimeSpec t = timespec_of(ns);
    return StatxTime{t.seconds, uint32_t(t.nanoseconds), 0};
  };
  StatxRecord r{};
  r.mask = Basic;
  r.block_size = 4096;
  r.links = a.links;
  r.uid = a.uid;
  r.gid = a.gid;
  r.mode = uint16_t(a.mode);
  r.inode = a.inode;
  r.size = a.size;
  r.blocks = a.blocks;
  r.atime = time(a.atime);
  r.mtime = time(a.mtime);
  r.ctime = time(a.ctime);
  r.rdev_major = device_major(a.rdev);
  r.rdev_minor = device_minor(a.rdev);
  r.device_major = device_major(a.device);
  r.device_minor = device_minor(a.device);
  TRY(status.write(r));
  return 0;
}

Result sys_statfs(UserAddress path, UserOut<FileSystemStatusRecord> status) {
  PathName name;
  TRY(name.read(path));
  return file_system_of(TRY(resolve(current_file_context().directory, name.view(), LastLink::Follow)).get(), nullptr, status);
}

Result sys_fstatfs(int descriptor, UserOut<FileSystemStatusRecord> status) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  return file_system_of(file->inode().get(), file.get(), status);
}

Result sys_faccessat(int directory, UserAddress path, uint32_t mode) { return access(directory, path, mode, 0); }

Result sys_faccessat2(int directory, UserAddress path, uint32_t mode, uint32_t flags) {
  if (flags & ~accepted::faccessat2_flags) return fail(Errno::Invalid);
  return access(directory, path, mode, flags);
}

Result sys_fchmod(int descriptor, uint32_t mode) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  if (file->flags() & open_flag::Path) return fail(Errno::BadDescriptor);
  return change_mode(TRY((Target{file, {}}).changeable()), mode);
}

Result sys_fchmodat(int directory, UserAddress path, uint32_t mode) { return sys_fchmodat2(directory, path, mode, 0); }

Result sys_fchmodat2(int directory, UserAddress path, uint32_t mode, uint32_t flags) {
  if (flags & ~accepted::fchmodat2_flags) return fail(Errno::Invalid);
  return change_mode(TRY(TRY(Target::find(directory, path, flags)).changeable()), mode);
}

Result sys_fchown(int descriptor, uint32_t uid, uint32_t gid) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  if (file->flags() & open_flag::Path) return fail(Errno::BadDescriptor);
  return change_owner(TRY((Target{file, {}}).changeable()), uid, gid);
}

Result sys_fchownat(int directory, UserAddress path, uint32_t uid, uint32_t gid, uint32_t flags) {
  if (flags & ~accepted::fchownat_flags) return fail(Errno::Invalid);
  return change_owner(TRY(TRY(Target::find(directory, path, flags)).changeable()), uid, gid);
}

Result sys_utimensat(int directory, UserAddress path, UserIn<TimeSpec> times, uint32_t flags) {
  constexpr int64_t Now = 0x3fffffff, Omit = 0x3ffffffe;
  if (flags & ~accepted::utimensat_flags) return fail(Errno::Invalid);
  int64_t value[2] = {TimeNow, TimeNow};
  bool all_now = true;
  if (times) {
    for (size_t i = 0; i < 2; i++) {
      TimeSpec t = TRY(times.read(i));
      if (t.nanoseconds == Now) value[i] = TimeNow;
      else if (t.nanoseconds == Omit) value[i] = TimeOmit;
      else if (t.nanoseconds < 0 || t.nanoseconds >= int64_t(NanosecondsPerSecond)) return fail(Errno::Invalid);
      else if (__builtin_mul_overflow(t.seconds, int64_t(NanosecondsPerSecond), &value[i]) || __builtin_add_overflow(value[i], t.nanoseconds, &value[i]))
        value[i] = t.seconds < 0 ? INT64_MIN + 2 : INT64_MAX;
      if (value[i] != TimeNow) all_now = false;
    }
  }
  // A null path: the descriptor itself, as futimens() calls it.
  if (!path && flags) return fail(Errno::Invalid);
  Target t = path ? TRY(Target::find(directory, path, flags)) : Target{TRY(current_descriptors().get_open(directory)), {}};
  if (value[0] == TimeOmit && value[1] == TimeOmit) return 0;
  Ref<Inode> inode = TRY(t.changeable());
  // utimensat(2): the owner may set anything, whoever may write may set both to now.
  if (auto owned = must_own(*inode); !owned) {
    if (!all_now) return fail(Errno::Perm);
    TRY(check_access(*inode, AccessWrite, current_file_credentials()));
  }
  TRY(inode->set_times(value[0], value[1]));
  if (watches::any()) watches::tell(*inode, watch_event::Attributes);
  return 0;
}

// ---- extended attributes: no file system here has any (xattr(7)) ----

namespace {

enum class Attribute : uint8_t { Get, Set, Remove };

// Why not: what is wrong with the call comes before that there are none, and what could never have any is told apart.
Result no_attribute(Inode* inode, Attribute what, UserAddress name, size_t bytes = 0, uint32_t flags = 0) {
  constexpr uint32_t CreateOrReplace = 3;
  constexpr size_t MaxBytes = 65536;
  char text[256];
  if (flags & ~CreateOrReplace) return fail(Errno::Invalid);
  auto length = copy_string_from_user(text, name, sizeof text);
  if (!length) return fail(length.error() == Errno::NameTooLong ? Errno::Range : length.error());
  if (!*length) return fail(Errno::Range);
  if (bytes > MaxBytes) return fail(Errno::TooBig);
  const std::string_view view(text, *length);
  const bool of_user = view.starts_with("user.") && !(inode && (inode->is_regular() || inode->is_directory()));
  const bool trusted = view.starts_with("trusted.") && !current_credentials().has(Capability::Administration);
  if (of_user || trusted) return fail(what == Attribute::Get ? Errno::NoData : Errno::Perm);
  return fail(Errno::NotSupported);
}

Result no_attribute(UserAddress path, LastLink last, Attribute what, UserAddress name, size_t bytes = 0, uint32_t flags = 0) {
  PathName text;
  TRY(text.read(path));
  return no_attribute(TRY(resolve(current_file_context().directory, text.view(), last)).get(), what, name, bytes, flags);
}

Result no_attribute(int descriptor, Attribute what, UserAddress name, size_t bytes = 0, uint32_t flags = 0) {
  return no_attribute(TRY(current_descriptors().get_open(descriptor))->inode().get(), what, name, bytes, flags);
}

Result empty_list(UserAddress path, LastLink last) {
  PathName name;
  TRY(name.read(path));
  TRY(resolve(current_file_context().directory, name.view(), last));
  return 0;
}

}  // namespace

Result sys_setxattr(UserAddress path, UserAddress name, UserAddress, size_t bytes, uint32_t flags) {
  return no_attribute(path, LastLink::Follow, Attribute::Set, name, bytes, flags);
}
Result sys_lsetxattr(UserAddress path, UserAddress name, UserAddress, size_t bytes, uint32_t flags) {
  return no_attribute(path, LastLink::Keep, Attribute::Set, name, bytes, flags);
}
Result sys_fsetxattr(int descriptor, UserAddress name, UserAddress, size_t bytes, uint32_t flags) {
  return no_attribute(descriptor, Attribute::Set, name, bytes, flags);
}
Result sys_getxattr(UserAddress path, UserAddress name, UserAddress, size_t) { return no_attribute(path, LastLink::Follow, Attribute::Get, name); }
Result sys_lgetxattr(UserAddress path, UserAddress name, UserAddress, size_t) { return no_attribute(path, LastLink::Keep, Attribute::Get, name); }
Result sys_fgetxattr(int descriptor, UserAddress name, UserAddress, size_t) { return no_attribute(descriptor, Attribute::Get, name); }
Result sys_removexattr(UserAddress path, UserAddress name) { return no_attribute(path, LastLink::Follow, Attribute::Remove, name); }
Result sys_lremovexattr(UserAddress path, UserAddress name) { return no_attribute(path, LastLink::Keep, Attribute::Remove, name); }
Result sys_fremovexattr(int descriptor, UserAddress name) { return no_attribute(descriptor, Attribute::Remove, name); }
Result sys_listxattr(UserAddress path, UserAddress, size_t) { return empty_list(path, LastLink::Follow); }
Result sys_llistxattr(UserAddress path, UserAddress, size_t) { return empty_list(path, LastLink::Keep); }

Result sys_flistxattr(int descriptor, UserAddress, size_t) {
  TRY(current_descriptors().get_open(descriptor));
  return 0;
}

}  // namespace pl
