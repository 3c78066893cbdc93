// SPDX-License-Identifier: BSD-2-Clause
// Opening, and what changes names: with the checks that path_resolution(7) and each call's page ask for.
#include <cstring>

#include "fs/descriptors.h"
#include "fs/mount.h"
#include "fs/open_file.h"
#include "fs/path.h"
#include "fs/tmpfs/tmpfs.h"
#include "fs/walk.h"
#include "fs/watch.h"

namespace pl {

namespace {

// Flags that the description does not keep (fcntl(2), F_GETFL).
constexpr uint32_t OnlyForOpening = open_flag::Create | open_flag::Exclusive | open_flag::Truncate | open_flag::NoTerminal |
                                    open_flag::CloseOnExec;
// What a host need not be told.
constexpr uint32_t OfTheWalk = open_flag::NoFollow | open_flag::Directory;

// A name that may be made or removed: "." and ".." are not.
bool is_dot(std::string_view name) { return name == "." || name == ".."; }

ErrorOr<void> may_change(Inode& directory) {
  return check_access(directory, AccessWrite | AccessExecute, current_file_credentials());
}

// A name that is there already is EEXIST even where nothing may be made; otherwise making it finds that out.
ErrorOr<void> may_make(Place& place) {
  auto allowed = may_change(*place.directory);
  if (!allowed && place.directory->lookup(place.view())) return fail(Errno::Exists);
  return allowed;
}

// In a sticky directory only the owner of the file, of the directory, or user 0 removes a name.
ErrorOr<void> may_remove(Inode& directory, Inode& victim) {
  TRY(may_change(directory));
  FileCredentials who = current_file_credentials();
  if (who.has(Capability::FileOwner)) return {};
  Attributes d = TRY(directory.attributes());
  if (!(d.mode & file_mode::Sticky) || who.uid == d.uid) return {};
  return TRY(victim.attributes()).uid == who.uid ? ErrorOr<void>() : fail(Errno::Perm);
}

ErrorOr<Ref<File>> open_inode(Ref<Inode> inode, uint32_t flags) {
  if (flags & open_flag::Path) {
    if (flags & open_flag::Directory && !inode->is_directory()) return fail(Errno::NotDirectory);
    return Ref<File>(TRY(make<PathFile>(inode, flags)));
  }
  if (inode->is_link()) return fail(Errno::LinkLoop);
  if (inode->type() == file_mode::Socket) return fail(Errno::NoDeviceAddress);
  if (flags & open_flag::Directory && !inode->is_directory()) return fail(Errno::NotDirectory);
  uint32_t mode = flags & open_flag::AccessMode;
  if (inode->is_directory() && (mode != open_flag::ReadOnly || flags & (open_flag::Truncate | open_flag::Create))) return fail(Errno::IsDirectory);
  uint32_t access = mode == open_flag::ReadOnly ? AccessRead : mode == open_flag::WriteOnly ? AccessWrite : AccessRead | AccessWrite;
  if (flags & open_flag::Truncate) access |= AccessWrite;
  TRY(check_access(*inode, access, current_file_credentials()));
  if (flags & open_flag::NoAccessTime) {
    FileCredentials who = current_file_credentials();
    if (!who.has(Capability::FileOwner) && TRY(inode->attributes()).uid != who.uid) return fail(Errno::Perm);
  }
  uint32_t done = OnlyForOpening | (TmpInode::is(*inode) ? 0 : OfTheWalk);
  if (inode->type() == file_mode::Character) done &= ~open_flag::NoTerminal;  // a terminal's open looks at it
  if (inode->truncates_on_open()) done &= ~open_flag::Truncate;
  else if (flags & open_flag::Truncate && inode->is_regular()) TRY(inode->truncate(0));
  return inode->open(inode, flags & ~done);
}

// The part of open(2) that may make the file.
ErrorOr<Ref<File>> open_or_create(Walk& walk, uint32_t flags, uint32_t mode) {
  for (;;) {
    TRY(walk.to_last());
    Inode& directory = walk.directory();
    const std::string_view name = walk.component();
    if (walk.must_be_directory() || is_dot(name)) return fail(Errno::IsDirectory);
    // What has to be new is not looked for first.
    bool blind = flags & open_flag::Exclusive && current_file_credentials().has(Capability::OverrideAccess) && !directory.read_only();
    auto found = blind ? fail(Errno::NoEntry) : directory.lookup(name);
    if (!found) {
      if (found.error() != Errno::NoEntry) return fail(found.error());
      TRY(may_change(directory));
      FileCredentials who = current_file_credentials();
      uint32_t permissions = mode & file_mode::Permissions & ~current_file_context().umask;
      auto made = directory.create(name, file_mode::Regular | permissions, 0, who.uid, who.gid);
      if (!made) {
        // Someone else was faster: that one then, unless it had to be ours.
        if (made.error() == Errno::Exists && !(flags & open_flag::Exclusive)) continue;
        return fail(made.error());
      }
      if (watches::any()) watches::tell_entry(directory, name, **made, watch_event::Create);
      // The creator may use it whatever the mode says.
      return (*made)->open(*made, flags & ~(OnlyForOpening | OfTheWalk));
    }
    if (flags & open_flag::Exclusive) return fail(Errno::Exists);
    Ref<Inode> inode = TRY(walk.enter(*std::move(found)));
    if (!inode->is_link()) return open_inode(inode, flags & ~(inode->is_directory() ? 0 : open_flag::Create));
    if (flags & open_flag::NoFollow) return fail(Errno::LinkLoop);
    if (TRY(walk.follow(*inode))) continue;
    if (Ref<File> file = TRY(inode->follow_open(flags))) return file;
    return open_inode(Ref<Inode>(&walk.directory()), flags & ~open_flag::Create);
  }
}

// What the walk came to without following a link at the end.
ErrorOr<Ref<File>> open_found(Ref<Inode> inode, const Ref<Inode>& base, std::string_view path, uint32_t flags, uint32_t resolve) {
  if (inode->is_link() && !(flags & open_flag::NoFollow)) {
    Walk along(resolve, base);
    TRY(along.start(base, path));
    Ref<Inode> target = TRY(along.to_end(LastLink::Follow));
    if (!(flags & open_flag::Path))
      if (Ref<File> file = TRY(inode->follow_open(flags))) return file;
    inode = std::move(target);
  }
  if (resolve & resolve_flag::Cached && !inode->answers_from_memory({})) return fail(Errno::Again);
  return open_inode(std::move(inode), flags);
}

// What makes a file, and openat2(2)'s ways of resolving.
ErrorOr<Ref<File>> open_specially(const Ref<Inode>& base, std::string_view path, uint32_t flags, uint32_t mode) {
  const uint32_t resolve = flags >> open_flag::ResolveShift;
  flags &= ~open_flag::Resolve;
  if ((flags & (open_flag::Create | open_flag::Directory)) == (open_flag::Create | open_flag::Directory)) return fail(Errno::Invalid);
  Walk walk(resolve, base);
  TRY(walk.start(base, path));
  if (flags & open_flag::TemporaryBit) {
    if (!(flags & open_flag::Directory) || (flags & open_flag::AccessMode) == open_flag::ReadOnly) return fail(Errno::Invalid);
    Ref<Inode> directory = TRY(walk.to_end(LastLink::Follow));
    if (!directory->is_directory()) return fail(Errno::NotDirectory);
    TRY(may_change(*directory));
    FileCredentials who = current_file_credentials();
    Linkable linkable = flags & open_flag::Exclusive ? Linkable::No : Linkable::Yes;
    Ref<Inode> file = TRY(directory->create_unnamed(mode & ~current_file_context().umask, who.uid, who.gid, linkable));
    return file->open(file, flags & ~(open_flag::Temporary | OnlyForOpening));
  }
  if (flags & open_flag::Create) return open_or_create(walk, flags, mode);
  return open_found(TRY(walk.to_end(LastLink::Keep)), base, path, flags, resolve);
}

ErrorOr<Ref<File>> open_any(const Ref<Inode>& base, std::string_view path, uint32_t flags, uint32_t mode) {
  if (flags & (open_flag::TemporaryBit | open_flag::Create | open_flag::Resolve)) return open_specially(base, path, flags, mode);
  Walk walk;
  TRY(walk.start(base, path));
  TRY(walk.to_last());
  // Of a host file, finding and opening are one question instead of two.
  constexpr uint32_t Two = open_flag::Path | open_flag::Truncate | open_flag::NoAccessTime | open_flag::AccessMode;
  if (!(flags & Two) && !walk.must_be_directory() && !is_dot(walk.component()))
    if (Ref<File> file = TRY(walk.directory().open_existing(walk.component(), flags & ~(OnlyForOpening | OfTheWalk)))) {
      if (flags & open_flag::Directory && !file->inode()->is_directory()) return fail(Errno::NotDirectory);
      return file;
    }
  Ref<Inode> inode = TRY(walk.to_end(LastLink::Keep));
  if (inode->is_link()) return open_found(std::move(inode), base, path, flags, 0);
  return open_inode(std::move(inode), flags);
}

}  // namespace

ErrorOr<Ref<File>> open_path(const Ref<Inode>& base, std::string_view path, uint32_t flags, uint32_t mode) {
  auto file = open_any(base, path, flags, mode);
  if (watches::any() && file && !(flags & open_flag::Path))
    if (Ref<Inode> inode = (*file)->inode()) watches::tell(*inode, watch_event::Open);
  return file;
}

ErrorOr<Ref<Inode>> open_executable(std::string_view path) {
  Ref<Inode> inode = TRY(resolve(current_file_context().directory, path, LastLink::Follow));
  if (!inode->is_regular()) return fail(Errno::Access);
  TRY(check_access(*inode, AccessExecute, current_file_credentials()));
  return inode;
}

ErrorOr<void> make_node(const Ref<Inode>& base, std::string_view path, uint32_t mode, uint64_t device) {
  Place place;
  TRY(resolve_place(base, path, place));
  bool directory = (mode & file_mode::Type) == file_mode::Directory;
  if (is_dot(place.view())) return fail(Errno::Exists);
  if (place.must_be_directory && !directory) return fail(Errno::NoEntry);
  TRY(may_make(place));
  FileCredentials who = current_file_credentials();
  uint32_t type = mode & file_mode::Type;
  // A whiteout, which is no device, is everybody's.
  if ((type == file_mode::Character || type == file_mode::Block) && !who.has(Capability::MakeNode) && !(type == file_mode::Character && device == 0))
    return fail(Errno::Perm);
  uint32_t permissions = mode & (directory ? 01777 : file_mode::Permissions) & ~current_file_context().umask;
  Ref<Inode> made = TRY(place.directory->create(place.view(), type | permissions, device, who.uid, who.gid));
  if (watches::any()) watches::tell_entry(*place.directory, place.view(), *made, watch_event::Create);
  return {};
}

ErrorOr<void> make_link(const Ref<Inode>& from, const Ref<Inode>& base, std::string_view path) {
  Place place;
  TRY(resolve_place(base, path, place));
  if (is_dot(place.view())) return fail(Errno::Exists);
  // That the name is taken is noticed before anything else.
  auto unless_taken = [&](Errno error) { return fail(place.directory->lookup(place.view()) ? Errno::Exists : error); };
  if (place.must_be_directory) return unless_taken(Errno::NoEntry);
  // What is in no directory is in no mount.
  if (from->file_system_identity() != place.directory->file_system_identity() || !from->parent()) return unless_taken(Errno::CrossDevice);
  TRY(may_make(place));
  if (from->is_directory()) return unless_taken(Errno::Perm);
  TRY(place.directory->link(place.view(), *from));
  if (watches::any()) {
    watches::tell_self(*from, watch_event::Attributes);
    watches::tell_entry(*place.directory, place.view(), *from, watch_event::Create);
  }
  return {};
}

ErrorOr<void> make_symbolic_link(std::string_view target, const Ref<Inode>& base, std::string_view path) {
  if (target.empty()) return fail(Errno::NoEntry);
  Place place;
  TRY(resolve_place(base, path, place));
  if (is_dot(place.view())) return fail(Errno::Exists);
  if (place.must_be_directory) return fail(Errno::NoEntry);
  TRY(may_make(place));
  FileCredentials who = current_file_credentials();
  TRY(place.directory->symlink(place.view(), target, who.uid, who.gid));
  if (watches::any())
    if (auto made = place.directory->lookup(place.view())) watches::tell_entry(*place.directory, place.view(), **made, watch_event::Create);
  return {};
}

ErrorOr<void> remove(const Ref<Inode>& base, std::string_view path, bool directory) {
  Place place;
  TRY(resolve_place(base, path, place));
  if (directory && place.view() == ".") return fail(path == "/" ? Errno::Busy : Errno::Invalid);
  if (directory && place.view() == "..") return fail(Errno::NotEmpty);
  if (is_dot(place.view())) return fail(Errno::IsDirectory);
  Ref<Inode> victim = TRY(place.directory->lookup(place.view()));
  if (place.must_be_directory && !victim->is_directory()) return fail(Errno::NotDirectory);
  TRY(may_remove(*place.directory, *victim));
  if (victim->is_mount_point()) return fail(Errno::Busy);
  if (directory && !victim->is_directory()) return fail(Errno::NotDirectory);
  if (!directory && victim->is_directory()) return fail(Errno::IsDirectory);
  TRY(place.directory->unlink(place.view(), directory));
  if (watches::any()) {
    watches::tell_unlinked(*victim);
    watches::tell_entry(*place.directory, place.view(), *victim, watch_event::Delete);
  }
  return {};
}

ErrorOr<void> rename(const Ref<Inode>& from_base, std::string_view from, const Ref<Inode>& to_base, std::string_view to, uint32_t flags) {
  Place source, target;
  TRY(resolve_place(from_base, from, source));
  TRY(resolve_place(to_base, to, target));
  if (source.directory->file_system_identity() != target.directory->file_system_identity()) return fail(Errno::CrossDevice);
  if (is_dot(source.view()) || is_dot(target.view())) return fail(flags & rename_flag::NoReplace && is_dot(target.view()) ? Errno::Exists : Errno::Busy);
  Ref<Inode> moved = TRY(source.directory->lookup(source.view()));
  if ((source.must_be_directory || (target.must_be_directory && !(flags & rename_flag::Exchange))) && !moved->is_directory())
    return fail(Errno::NotDirectory);
  TRY(may_remove(*source.directory, *moved));
  auto old = target.directory->lookup(target.view());
  if (old) {
    if (flags & rename_flag::NoReplace) return fail(Errno::Exists);
    TRY(may_remove(*target.directory, **old));
    if ((*old)->is_mount_point()) return fail(Errno::Busy);
  } else if (old.error() != Errno::NoEntry) {
    return fail(old.error());
  } else {
    TRY(may_change(*target.directory));
  }
  if (moved->is_mount_point()) return fail(Errno::Busy);
  TRY(source.directory->rename(source.view(), *target.directory, target.view(), flags));
  if (!watches::any()) return {};
  auto moved_to = [&](Place& from_place, Place& to_place, Inode& inode) {
    uint32_t cookie = watches::next_cookie();
    watches::tell_entry(*from_place.directory, from_place.view(), inode, watch_event::MovedFrom, cookie);
    watches::tell_entry(*to_place.directory, to_place.view(), inode, watch_event::MovedTo, cookie);
    watches::tell_self(inode, watch_event::MoveSelf);
  };
  moved_to(source, target, *moved);
  if (old && flags & rename_flag::Exchange) moved_to(target, source, **old);
  else if (old && !(*old == moved)) watches::tell_unlinked(**old);
  return {};
}

}  // namespace pl
