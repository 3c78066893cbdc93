// SPDX-License-Identifier: BSD-2-Clause
// inotify(7).
#include "fs/watch.h"

#include "fs/abi.h"
#include "fs/descriptors.h"
#include "fs/path.h"
#include "syscall/table.h"

namespace pl {

namespace {

ErrorOr<Ref<File>> watch_file(int descriptor) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  if (!file->as_watches()) return fail(Errno::Invalid);
  return file;
}

}  // namespace

Result sys_inotify_init1(uint32_t flags) {
  if (flags & ~accepted::inotify_init1_flags) return fail(Errno::Invalid);
  Ref<File> file = TRY(make<WatchFile>(flags & open_flag::NonBlock));
  return uint64_t(TRY(current_descriptors().install(std::move(file), flags & open_flag::CloseOnExec ? OnExec::Close : OnExec::Keep)));
}

Result sys_inotify_add_watch(int descriptor, UserAddress path, uint32_t mask) {
  using namespace watch_event;
  constexpr uint32_t Known = watch_event::All | OnlyDirectory | DontFollow | ExcludeUnlinked | MaskCreate | MaskAdd | IsDirectory | OneShot;
  if (!(mask & watch_event::All) || mask & ~(Known | Overflow | Ignored | 0x2000)) return fail(Errno::Invalid);
  if (mask & MaskAdd && mask & MaskCreate) return fail(Errno::Invalid);
  Ref<File> file = TRY(watch_file(descriptor));
  PathName name;
  TRY(name.read(path));
  Ref<Inode> inode = TRY(resolve(current_file_context().directory, name.view(), mask & DontFollow ? LastLink::Keep : LastLink::Follow));
  if (mask & OnlyDirectory && !inode->is_directory()) return fail(Errno::NotDirectory);
  TRY(check_access(*inode, AccessRead, current_file_credentials()));
  return uint64_t(TRY(file->as_watches()->add(std::move(inode), mask)));
}

Result sys_inotify_rm_watch(int descriptor, int watch) {
  TRY(TRY(watch_file(descriptor))->as_watches()->remove(watch));
  return 0;
}

}  // namespace pl
