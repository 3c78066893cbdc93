// SPDX-License-Identifier: BSD-2-Clause
#include "fs/host/host_inode.h"

#include <algorithm>
#include <cstring>

#include "base/hot.h"
#include "fs/abi.h"
#include "fs/path.h"
#include "memory/address_space.h"
#include "time/clock.h"

namespace pl {

namespace {

constexpr unsigned RecentCount = 16;
// Keeps directories open that were walked through lately. Each walk still asks the host whether the name means the same directory.
PL_HOT [[clang::no_destroy]] constinit Ref<HostInode> recent[RecentCount] = {};
PL_HOT constinit unsigned next_recent = 0;

// How long a directory on the way to something else is taken for what it was. Its handle names it for good; what may be late is only
// that its name was given to another one.
constexpr uint64_t FreshMilliseconds = 500;

void remember(HostInode& directory) {
  for (auto& r : recent)
    if (r.get() == &directory) return;
  recent[next_recent++ % RecentCount] = Ref<HostInode>(&directory);
}

const char identities[PL_HANDLE_FIRST - PL_HANDLE_MOUNT] = {};

}  // namespace

void forget_host_directories() {
  for (auto& r : recent) r = nullptr;
}

ErrorOr<Ref<Inode>> create_host_root(uint32_t handle, uint32_t type, uint32_t mount_flags) {
  if (handle >= PL_HANDLE_FIRST) return fail(Errno::Invalid);
  auto root = TRY(make<HostInode>(type, handle - PL_HANDLE_MOUNT, mount_flags, Ref<HostInode>(), nullptr, uint8_t(0)));
  root->set_root_handle(TRY(make<HostHandle>(handle, true)));
  return Ref<Inode>(std::move(root));
}

HostInode::HostInode(uint32_t type, uint32_t mount, uint32_t mount_flags, Ref<HostInode> parent, char* name, uint8_t name_length)
    : Inode(type), mount_(mount), mount_flags_(mount_flags), parent_(std::move(parent)), name_(name), name_length_(name_length) {}

HostInode::~HostInode() {
  if (parent_) parent_->children_.remove(this);
  if (name_) heap_free(name_, name_length_, 1);
}

const void* HostInode::file_system_identity() const { return &identities[mount_]; }

ErrorOr<size_t> HostInode::name(char* out) {
  if (!name_) return fail(Errno::NoEntry);
  std::memcpy(out, name_, name_length_);
  return name_length_;
}

ErrorOr<void> HostInode::note(const Attributes& a) {
  if ((a.mode & file_mode::Type) != type()) return fail(Errno::Io);
  last_ = a;
  // One file system for each mount; inode numbers are the host's.
  last_.device = make_device(0, 64 + mount_);
  last_seen_ = ocall::exchanges();
  seen_at_ = ticks_now();
  seen_ = true;
  return {};
}

ErrorOr<Attributes> HostInode::attributes() {
  if (is_news()) return last_;
  if (handle_ || is_root() || !parent_) {
    TRY(note(TRY(ocall::stat(TRY(handle())))));
  } else {
    TRY(note(TRY(ocall::lookup(TRY(parent_->handle()), own_name()))));
  }
  return last_;
}

// ---- handles ----

ErrorOr<Ref<HostHandle>> HostInode::open_handle(uint32_t flags) {
  if (!parent_) return handle_ ? ErrorOr<Ref<HostHandle>>(handle_) : fail(Errno::Stale);
  ocall::Opened opened = TRY(ocall::open(TRY(parent_->handle()), own_name(), flags, 0));
  auto handle = make<HostHandle>(opened.handle, false);
  if (!handle) {
    ocall::close(opened.handle);
    return fail(handle.error());
  }
  bool same = !seen_ || opened.attributes.inode == last_.inode;
  if ((opened.attributes.mode & file_mode::Type) != type() || !same) return fail(Errno::Stale);
  TRY(note(opened.attributes));
  return *std::move(handle);
}

ErrorOr<uint32_t> HostInode::handle() {
  if (!handle_) handle_ = TRY(open_handle(PL_OPEN_READ | (is_directory() ? PL_OPEN_DIRECTORY : 0)));
  if (is_directory() && parent_) remember(*this);
  return handle_->number();
}

ErrorOr<Ref<File>> HostInode::open(Ref<Inode>, uint32_t flags) {
  if (is_directory()) return Ref<File>(TRY(make<HostDirectory>(Ref<HostInode>(this), flags)));
  if (!is_regular()) return fail(Errno::NoDeviceAddress);
  Ref<HostHandle> handle = std::move(created_);
  if (!handle) {
    uint32_t mode = flags & open_flag::AccessMode;
    uint32_t wanted = mode == open_flag::ReadOnly ? PL_OPEN_READ : mode == open_flag::WriteOnly ? PL_OPEN_WRITE : PL_OPEN_READ | PL_OPEN_WRITE;
    if (flags & open_flag::Append) wanted |= PL_OPEN_APPEND;
    if (flags & open_flag::Truncate) {
      if (parent_) wanted |= PL_OPEN_TRUNCATE;
      else TRY(ocall::truncate(TRY(this->handle()), 0));
    }
    handle = TRY(open_handle(wanted));
  }
  return Ref<File>(TRY(make<HostFile>(Ref<HostInode>(this), std::move(handle), flags & ~open_flag::Truncate)));
}

// ---- contents ----

ErrorOr<size_t> HostInode::read(uint64_t offset, Buffer& to) { return ocall::read_at(TRY(handle()), offset, to); }

ErrorOr<void> HostInode::truncate(uint64_t bytes) {
  Ref<HostHandle> writable = TRY(open_handle(PL_OPEN_WRITE));
  return ocall::truncate(writable->number(), bytes);
}

ErrorOr<uint64_t> HostInode::seek_data(uint64_t offset, bool hole) {
  uint64_t size = TRY(attributes()).size;
  if (offset >= size) return fail(Errno::NoDeviceAddress);
  return hole ? size : offset;  // lseek(2): a file system may know no holes
}

// Every page is a copy of its own, taken once: a private mapping needs no more, and a shared one that can be written is refused.
ErrorOr<FrameRef> HostInode::page(uint64_t index, bool) {
  FrameRef frame = TRY(FrameRef::allocate());
  uint32_t number = mapped_ ? mapped_->number() : TRY(handle());
  if (TRY(ocall::read_page(number, index * PageSize, frame.data())) == 0) return fail(Errno::NoDeviceAddress);
  return frame;
}

// ---- names ----

HostInode* HostInode::find_child(std::string_view name) {
  for (HostInode& c : children_)
    if (c.own_name() == name) return &c;
  return nullptr;
}

// Its name means something else now, or nothing. It lives on through the handles it has.
void HostInode::orphan(HostInode& child) {
  children_.remove(&child);
  child.former_parent_ = std::move(child.parent_);
  child.set_removed(true);
}

static ErrorOr<char*> copy_name(std::string_view name) {
  auto text = static_cast<char*>(heap_allocate(name.size(), 1));
  if (!text) return fail(Errno::NoMemory);
  std::memcpy(text, name.data(), name.size());
  return text;
}

ErrorOr<Ref<HostInode>> HostInode::child(std::string_view name, const Attributes& a) {
  uint32_t type = a.mode & file_mode::Type;
  if (HostInode* known = find_child(name)) {
    if (known->type() == type && known->seen_ && known->last_.inode == a.inode) {
      TRY(known->note(a));
      return Ref<HostInode>(known);
    }
    if (known->is_mount_point()) return fail(Errno::Stale);
    orphan(*known);
  }
  char* text = TRY(copy_name(name));
  auto made = make<HostInode>(type, mount_, mount_flags_, Ref<HostInode>(this), text, uint8_t(name.size()));
  if (!made) {
    heap_free(text, name.size(), 1);
    return fail(made.error());
  }
  children_.push_back(made->get());
  TRY((*made)->note(a));
  return *std::move(made);
}

ErrorOr<Ref<Inode>> HostInode::lookup(std::string_view name) {
  if (!is_directory()) return fail(Errno::NotDirectory);
  auto found = ocall::lookup(TRY(handle()), name);
  if (!found) {
    if (HostInode* known = find_child(name); known && found.error() == Errno::NoEntry && !known->is_mount_point()) orphan(*known);
    return fail(found.error());
  }
  return Ref<Inode>(TRY(child(name, *found)));
}

ErrorOr<Ref<Inode>> HostInode::lookup_on_the_way(std::string_view name) {
  HostInode* known = find_child(name);
  if (known && known->is_directory() && known->handle_ && ticks_now() - known->seen_at_ < milliseconds_to_ticks(FreshMilliseconds))
    return Ref<Inode>(known);
  return lookup(name);
}

ErrorOr<Ref<File>> HostInode::open_existing(std::string_view name, uint32_t flags) {
  if (!is_directory()) return fail(Errno::NotDirectory);
  if (HostInode* known = find_child(name); known && known->is_mount_point()) return Ref<File>();
  auto opened = ocall::open(TRY(handle()), name, PL_OPEN_READ, 0);
  if (!opened) {
    if (opened.error() == Errno::NoEntry) return fail(Errno::NoEntry);
    return Ref<File>();  // a link, or what cannot be opened: the long way finds out
  }
  auto held = make<HostHandle>(opened->handle, false);
  if (!held) {
    ocall::close(opened->handle);
    return fail(held.error());
  }
  auto inode = TRY(child(name, opened->attributes));
  TRY(check_access(*inode, AccessRead, current_file_credentials()));
  if (inode->is_directory()) {
    if (!inode->handle_) inode->handle_ = *std::move(held);
    remember(*inode);
    return Ref<File>(TRY(make<HostDirectory>(std::move(inode), flags)));
  }
  if (!inode->is_regular()) return Ref<File>();
  return Ref<File>(TRY(make<HostFile>(std::move(inode), *std::move(held), flags)));
}

ErrorOr<Ref<Inode>> HostInode::create(std::string_view name, uint32_t mode, uint64_t, uint32_t, uint32_t) {
  uint32_t permissions = mode & file_mode::Permissions;
  switch (mode & file_mode::Type) {
    case file_mode::Directory: {
      TRY(ocall::make_directory(TRY(handle()), name, permissions));
      Attributes expected;
      expected.mode = file_mode::Directory | permissions;
      auto made = TRY(child(name, expected));
      made->seen_ = false;  // nobody has looked yet
      return Ref<Inode>(std::move(made));
    }
    case file_mode::Regular: {
      auto answer = ocall::open(TRY(handle()), name, PL_OPEN_READ | PL_OPEN_WRITE | PL_OPEN_CREATE | PL_OPEN_EXCLUSIVE, permissions);
      // A link in the way: the server follows none, and says so before it says that something is there.
      if (!answer) return fail(answer.error() == Errno::LinkLoop ? Errno::Exists : answer.error());
      ocall::Opened opened = *answer;
      auto held = make<HostHandle>(opened.handle, false);
      if (!held) {
        ocall::close(opened.handle);
        return fail(held.error());
      }
      if ((opened.attributes.mode & file_mode::Type) != file_mode::Regular) return fail(Errno::Io);
      auto made = TRY(child(name, opened.attributes));
      made->created_ = *std::move(held);
      return Ref<Inode>(std::move(made));
    }
    default: return fail(Errno::Perm);
  }
}

ErrorOr<void> HostInode::link(std::string_view name, Inode& inode) {
  auto& file = static_cast<HostInode&>(inode);
  return ocall::link(TRY(file.handle()), TRY(handle()), name);
}

ErrorOr<void> HostInode::unlink(std::string_view name, bool directory) {
  TRY(ocall::unlink(TRY(handle()), name, directory));
  if (HostInode* known = find_child(name)) orphan(*known);
  return {};
}

ErrorOr<void> HostInode::symlink(std::string_view name, std::string_view target, uint32_t, uint32_t) {
  return ocall::make_symbolic_link(TRY(handle()), name, target);
}

ErrorOr<void> HostInode::rename_to(HostInode& parent, std::string_view name) {
  char* text = TRY(copy_name(name));
  parent_->children_.remove(this);
  parent_ = Ref<HostInode>(&parent);
  parent.children_.push_back(this);
  heap_free(name_, name_length_, 1);
  name_ = text;
  name_length_ = uint8_t(name.size());
  return {};
}

ErrorOr<void> HostInode::rename(std::string_view name, Inode& new_parent, std::string_view new_name, uint32_t flags) {
  auto& to = static_cast<HostInode&>(new_parent);
  if (flags & rename_flag::Whiteout) return fail(Errno::Invalid);
  uint32_t from_handle = TRY(handle()), to_handle = TRY(to.handle());
  TRY(ocall::rename(from_handle, name, to_handle, new_name, flags));
  Ref<HostInode> moved(find_child(name)), replaced(to.find_child(new_name));
  if (moved == replaced) return {};
  if (flags & rename_flag::Exchange && replaced) {
    to.children_.remove(replaced.get());
    to.children_.push_back(replaced.get());
    if (moved) TRY(moved->rename_to(to, new_name));
    return replaced->rename_to(*this, name);
  }
  if (replaced) to.orphan(*replaced);
  if (moved) return moved->rename_to(to, new_name);
  return {};
}

ErrorOr<bool> HostInode::list(uint64_t cookie, size_t room, bool (*visit)(void*, const DirectoryEntry&), void* context) {
  struct Watch {
    bool (*visit)(void*, const DirectoryEntry&);
    void* context;
    bool any = false;
  } watch{visit, context};
  uint32_t number = TRY(handle());
  // An answer without a name for us is followed by another question, but not for ever.
  for (int tries = 0; tries < 16; tries++) {
    bool ended = TRY(ocall::list(number, cookie, room, [](void* w, const DirectoryEntry& e) {
      auto& watch = *static_cast<Watch*>(w);
      watch.any = true;
      return watch.visit(watch.context, e);
    }, &watch));
    if (ended || watch.any) return ended;
  }
  return fail(Errno::Io);
}

ErrorOr<size_t> HostInode::readlink(char* out, size_t capacity) {
  if (!is_link()) return fail(Errno::Invalid);
  if (!parent_) return fail(Errno::Stale);
  return ocall::read_link(TRY(parent_->handle()), own_name(), out, capacity);
}

// ---- attributes ----

// A file need not be opened for this, and a link cannot be: by name, as long as it has one.
ErrorOr<void> HostInode::set_mode(uint32_t mode) {
  if (is_link()) return fail(Errno::NotSupported);
  if (handle_ || !parent_) return ocall::set_mode(TRY(handle()), {}, mode & file_mode::Permissions);
  return ocall::set_mode(TRY(parent_->handle()), own_name(), mode & file_mode::Permissions);
}

ErrorOr<void> HostInode::set_owner(uint32_t uid, uint32_t gid) {
  if (handle_ || !parent_) return ocall::set_owner(TRY(handle()), {}, uid, gid);
  return ocall::set_owner(TRY(parent_->handle()), own_name(), uid, gid);
}

ErrorOr<void> HostInode::set_times(int64_t atime, int64_t mtime) {
  if (handle_ || !parent_) return ocall::set_times(TRY(handle()), {}, atime, mtime);
  return ocall::set_times(TRY(parent_->handle()), own_name(), atime, mtime);
}

ErrorOr<void> HostInode::sync(bool data_only) { return ocall::synchronize(TRY(handle()), data_only); }

ErrorOr<FileSystemStatus> HostInode::file_system() {
  FileSystemStatus s = TRY(ocall::file_system(PL_HANDLE_MOUNT + mount_));
  s.read_only = read_only();
  s.no_set_id = true;
  return s;
}

// ---- open files ----

ErrorOr<locks::Authority*> HostInode::lock_authority(locks::Kind kind, const Ref<HostHandle>& handle, bool writable) {
  TRY(locks_.lend(*this, kind, handle, writable));
  return &locks_;
}

ErrorOr<locks::Authority*> HostInode::lock_authority(locks::Kind kind) {
  TRY(handle());
  return lock_authority(kind, handle_, true);
}

ErrorOr<Attributes> HostFile::attributes() {
  if (host_->is_news()) return host_->attributes();
  TRY(host_->note(TRY(ocall::stat(handle_->number()))));
  return host_->attributes();
}

ErrorOr<void> HostFile::allocate(uint32_t mode, uint64_t offset, uint64_t bytes) {
  if (!writable()) return fail(Errno::BadDescriptor);
  return ocall::allocate(handle_->number(), mode, offset, bytes);
}

ErrorOr<void> HostFile::prepare_map(MappingRequest& request) {
  if (request.sharing == Sharing::Shared) {
    if (request.protection & ProtectionWrite) return fail(Errno::NoDevice);
    request.max_protection &= ~uint32_t(ProtectionWrite);
  }
  TRY(RegularFile::prepare_map(request));
  host_->map_through(handle_);
  return {};
}

}  // namespace pl
