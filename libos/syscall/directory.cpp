// SPDX-License-Identifier: BSD-2-Clause
// What makes, removes and reads names; working directory, root and umask.
#include <algorithm>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/path.h"
#include "syscall/restart.h"
#include "syscall/table.h"

namespace pl {

namespace {

// A path argument with the directory it starts from.
struct PathArgument {
  PathName name;
  Ref<Inode> base;
  ErrorOr<void> read(int directory, UserAddress path) {
    TRY(name.read(path));
    if (name.view().empty()) return fail(Errno::NoEntry);
    if (name.view()[0] != '/') base = TRY(base_directory(directory));
    return {};
  }
};

}  // namespace

Result sys_getcwd(UserAddress buffer, size_t bytes) {
  struct Memory {
    char* text = static_cast<char*>(heap_allocate(MaxPath, 1));
    ~Memory() { if (text) heap_free(text, MaxPath, 1); }
  } memory;
  if (!memory.text) return fail(Errno::NoMemory);
  FileContext& context = current_file_context();
  if (context.directory->is_removed()) return fail(Errno::NoEntry);
  size_t n = TRY(path_of(*context.directory, context.root, memory.text, MaxPath - 1));
  memory.text[n] = 0;
  if (bytes < n + 1) return fail(Errno::Range);
  TRY(copy_to_user(buffer, memory.text, n + 1));
  return n + 1;
}

Result sys_mknodat(int directory, UserAddress path, uint32_t mode, uint32_t device) {
  PathArgument p;
  TRY(p.read(directory, path));
  switch (mode & file_mode::Type) {
    case 0: mode |= file_mode::Regular; break;
    case file_mode::Regular:
    case file_mode::Character:
    case file_mode::Block:
    case file_mode::Fifo:
    case file_mode::Socket: break;
    case file_mode::Directory: return fail(Errno::Perm);
    default: return fail(Errno::Invalid);
  }
  // The program's dev_t has 12 bits of major and 20 of minor number, as make_device() does.
  TRY(make_node(p.base, p.name.view(), mode, device));
  return 0;
}

Result sys_mkdirat(int directory, UserAddress path, uint32_t mode) {
  PathArgument p;
  TRY(p.read(directory, path));
  TRY(make_node(p.base, p.name.view(), file_mode::Directory | (mode & file_mode::Permissions), 0));
  return 0;
}

Result sys_unlinkat(int directory, UserAddress path, uint32_t flags) {
  if (flags & ~accepted::unlinkat_flags) return fail(Errno::Invalid);
  PathArgument p;
  TRY(p.read(directory, path));
  TRY(remove(p.base, p.name.view(), flags & at_flag::RemoveDirectory));
  return 0;
}

Result sys_symlinkat(UserAddress target, int directory, UserAddress path) {
  PathName text;
  TRY(text.read(target));
  PathArgument p;
  TRY(p.read(directory, path));
  TRY(make_symbolic_link(text.view(), p.base, p.name.view()));
  return 0;
}

Result sys_linkat(int from_directory, UserAddress from, int to_directory, UserAddress to, uint32_t flags) {
  if (flags & ~accepted::linkat_flags) return fail(Errno::Invalid);
  PathName source;
  TRY(source.read(from));
  Ref<Inode> inode;
  if (source.view().empty()) {
    if (!(flags & at_flag::EmptyPath)) return fail(Errno::NoEntry);
    inode = TRY(current_descriptors().get(from_directory))->inode();
    if (!inode) return fail(Errno::CrossDevice);
  } else {
    Ref<Inode> base;
    if (source.view()[0] != '/') base = TRY(base_directory(from_directory));
    inode = TRY(resolve(base, source.view(), flags & at_flag::Follow ? LastLink::Follow : LastLink::Keep));
  }
  PathArgument p;
  TRY(p.read(to_directory, to));
  TRY(make_link(inode, p.base, p.name.view()));
  return 0;
}

Result sys_renameat2(int from_directory, UserAddress from, int to_directory, UserAddress to, uint32_t flags) {
  if (flags & ~accepted::renameat2_flags || (flags & rename_flag::Exchange && flags != rename_flag::Exchange)) return fail(Errno::Invalid);
  PathArgument a, b;
  TRY(a.read(from_directory, from));
  TRY(b.read(to_directory, to));
  TRY(rename(a.base, a.name.view(), b.base, b.name.view(), flags));
  return 0;
}

Result sys_readlinkat(int directory, UserAddress path, UserAddress buffer, int bytes) {
  if (bytes <= 0) return fail(Errno::Invalid);
  PathName name;
  TRY(name.read(path));
  Ref<Inode> inode;
  if (name.view().empty()) {
    // readlinkat(2): an empty path means the descriptor itself, opened with O_PATH | O_NOFOLLOW.
    inode = TRY(current_descriptors().get(directory))->inode();
    if (!inode || !inode->is_link()) return fail(Errno::NoEntry);
  } else {
    Ref<Inode> base;
    if (name.view()[0] != '/') base = TRY(base_directory(directory));
    inode = TRY(resolve(base, name.view(), LastLink::Keep));
  }
  if (!inode->is_link()) return fail(Errno::Invalid);
  // Most are short, and a page for a moment is a page that a fork has to get.
  char some[128];
  if (auto length = inode->readlink(some, sizeof some); length && *length < sizeof some) {
    size_t n = std::min(size_t(bytes), *length);
    TRY(copy_to_user(buffer, some, n));
    return n;
  }
  struct Memory {
    char* text = static_cast<char*>(heap_allocate(MaxPath, 1));
    ~Memory() { if (text) heap_free(text, MaxPath, 1); }
  } memory;
  if (!memory.text) return fail(Errno::NoMemory);
  size_t n = std::min(size_t(bytes), TRY(inode->readlink(memory.text, MaxPath)));
  TRY(copy_to_user(buffer, memory.text, n));
  return n;
}

static Result enter(Ref<Inode> inode) {
  if (!inode || !inode->is_directory()) return fail(Errno::NotDirectory);
  TRY(check_access(*inode, AccessExecute, current_file_credentials()));
  current_file_context().directory = std::move(inode);
  return 0;
}

Result sys_chdir(UserAddress path) {
  PathName name;
  TRY(name.read(path));
  return enter(TRY(resolve(current_file_context().directory, name.view(), LastLink::Follow)));
}

Result sys_fchdir(int descriptor) { return enter(TRY(current_descriptors().get(descriptor))->inode()); }

Result sys_chroot(UserAddress path) {
  PathName name;
  TRY(name.read(path));
  Ref<Inode> inode = TRY(resolve(current_file_context().directory, name.view(), LastLink::Follow));
  if (!inode->is_directory()) return fail(Errno::NotDirectory);
  TRY(check_access(*inode, AccessExecute, current_file_credentials()));
  if (!current_file_credentials().has(Capability::ChangeRoot)) return fail(Errno::Perm);
  current_file_context().root = std::move(inode);
  return 0;
}

Result sys_getdents64(int descriptor, UserAddress buffer, uint32_t bytes) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  Buffer to = Buffer::user(buffer, bytes);
  return TRY(file->list(to));
}

Result sys_umask(uint32_t mask) {
  FileContext& context = current_file_context();
  uint32_t old = context.umask;
  if (old != (mask & 0777)) context.umask = mask & 0777;
  return old;
}

// The tree is measured: nobody changes what is mounted.
Result sys_mount(UserAddress, UserAddress, UserAddress, uint64_t, UserAddress) { return fail(Errno::Perm); }
Result sys_umount2(UserAddress, uint32_t) { return fail(Errno::Perm); }
Result sys_pivot_root(UserAddress, UserAddress) { return fail(Errno::Perm); }

}  // namespace pl
