// SPDX-License-Identifier: BSD-2-Clause
// What openat2(2)'s RESOLVE_* keep a walk from.
#include "fs/walk.h"

namespace pl {

namespace {

// The root of the mount that it is in; null for what is nowhere in the tree.
const Inode* mount_of(Ref<Inode> inode) {
  while (inode && !inode->is_mount_root()) inode = inode->parent();
  return inode.get();
}

}  // namespace

ErrorOr<Ref<Inode>> Walk::restricted_parent() {
  using namespace resolve_flag;
  const Inode* top = resolve_ & Scoped ? scope_ : current_file_context().root.get();
  if (at_.get() == top) return resolve_ & Beneath ? fail(Errno::CrossDevice) : ErrorOr<Ref<Inode>>(at_);
  if (resolve_ & Scoped) {
    // A directory on the way may have been moved out of the scope meanwhile: then another try may find it elsewhere.
    for (Ref<Inode> above = at_; above.get() != top;) {
      Ref<Inode> next = TRY(parent_of(above, top));
      if (next == above) return fail(Errno::Again);
      above = std::move(next);
    }
  }
  Ref<Inode> parent = TRY(parent_of(at_, top));
  if (resolve_ & NoCrossing && at_->is_mount_root() && !(parent == at_)) return fail(Errno::CrossDevice);
  return parent;
}

// Where an absolute link leads.
ErrorOr<Ref<Inode>> Walk::restricted_root() {
  using namespace resolve_flag;
  if (resolve_ & Beneath) return fail(Errno::CrossDevice);
  Ref<Inode> root = resolve_ & InRoot ? Ref<Inode>(scope_) : current_file_context().root;
  if (resolve_ & NoCrossing && mount_of(at_) != mount_of(root)) return fail(Errno::CrossDevice);
  return root;
}

// By a link that leads to an inode and not to a path.
ErrorOr<void> Walk::may_jump(const Ref<Inode>& target) {
  using namespace resolve_flag;
  if (resolve_ & NoMagicLinks) return fail(Errno::LinkLoop);
  if (resolve_ & Scoped || (resolve_ & NoCrossing && mount_of(at_) != mount_of(target))) return fail(Errno::CrossDevice);
  return {};
}

}  // namespace pl
