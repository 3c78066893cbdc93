// SPDX-License-Identifier: BSD-2-Clause
#include "fs/path.h"

#include <algorithm>
#include <cstring>

#include "fs/descriptors.h"
#include "fs/mount.h"
#include "fs/walk.h"

namespace pl {

PathName::~PathName() {
  if (long_) heap_free(long_, MaxPath, 1);
}

ErrorOr<void> PathName::read(UserAddress from) {
  auto length = copy_string_from_user(short_, from, sizeof short_);
  if (!length) {
    if (length.error() != Errno::NameTooLong) return fail(length.error());
    long_ = static_cast<char*>(heap_allocate(MaxPath, 1));
    if (!long_) return fail(Errno::NoMemory);
    length = copy_string_from_user(long_, from, MaxPath);
    if (!length) return fail(length.error());
  }
  length_ = *length;
  return {};
}

ErrorOr<void> check_access(Inode& inode, uint32_t access, const FileCredentials& who) {
  if (access & AccessWrite && inode.read_only() && (inode.is_directory() || inode.is_regular() || inode.is_link()))
    return fail(Errno::ReadOnly);
  // User 0 may do anything but execute what nobody may (capabilities(7), CAP_DAC_OVERRIDE).
  if (who.privileged() && (!(access & AccessExecute) || inode.is_directory())) return {};
  Attributes a = TRY(inode.attributes());
  if (who.privileged()) return a.mode & 0111 ? ErrorOr<void>() : fail(Errno::Access);
  uint32_t granted = a.mode & 7;
  if (who.uid == a.uid) granted = a.mode >> 6 & 7;
  else if (who.in_group(a.gid)) granted = a.mode >> 3 & 7;
  return (access & ~granted) == 0 ? ErrorOr<void>() : fail(Errno::Access);
}

// ---- the walk ----

Walk::~Walk() {
  if (expanded_) heap_free(expanded_, MaxPath, 1);
}

ErrorOr<void> Walk::start(const Ref<Inode>& base, std::string_view path) {
  if (path.empty()) return fail(Errno::NoEntry);
  rest_ = path;
  at_ = path[0] == '/' ? current_file_context().root : base;
  if (!at_) return fail(Errno::NoEntry);
  return {};
}

bool Walk::next_component() {
  while (!rest_.empty() && rest_[0] == '/') rest_.remove_prefix(1);
  if (rest_.empty()) return false;
  size_t n = 0;
  while (n < rest_.size() && rest_[n] != '/') ++n;
  component_ = {rest_.data(), n};
  rest_.remove_prefix(n);
  last_ = rest_.find_first_not_of('/') == std::string_view::npos;
  return true;
}

Ref<Inode> Walk::cross(Ref<Inode> inode) {
  while (inode->is_mount_point()) {
    const Mount* mount = fs::mount_on(*inode);
    if (!mount) break;
    inode = mount->root;
  }
  return inode;
}

// The parent as this process sees it: not above its root, and out of a mount through what it covers.
ErrorOr<Ref<Inode>> Walk::parent_of(Ref<Inode> inode) {
  const Ref<Inode>& root = current_file_context().root;
  while (!(inode == root) && inode->is_mount_root()) {
    const Mount* mount = fs::mount_of_root(*inode);
    if (!mount || !mount->covered) break;
    inode = mount->covered;
  }
  if (inode == root) return inode;
  Ref<Inode> parent = inode->parent();
  if (!parent) return inode == fs::root() ? ErrorOr<Ref<Inode>>(inode) : fail(Errno::NoEntry);
  return cross(parent);
}

ErrorOr<void> Walk::expand(Inode& link) {
  if (++links_ > MaxLinks) return fail(Errno::LinkLoop);
  if (Ref<Inode> target = TRY(link.follow())) {
    at_ = cross(std::move(target));
    return {};
  }
  auto text = static_cast<char*>(heap_allocate(MaxPath, 1));
  if (!text) return fail(Errno::NoMemory);
  Guard undo([&] { heap_free(text, MaxPath, 1); });
  size_t n = TRY(link.readlink(text, MaxPath));
  if (n == 0) return fail(Errno::NoEntry);
  if (n + rest_.size() >= MaxPath) return fail(Errno::NameTooLong);
  std::memcpy(text + n, rest_.data(), rest_.size());
  undo.disarm();
  rest_ = {text, n + rest_.size()};
  if (expanded_) heap_free(expanded_, MaxPath, 1);
  expanded_ = text;
  if (text[0] == '/') at_ = current_file_context().root;
  return {};
}

ErrorOr<void> Walk::enter_directory() {
  if (!at_->is_directory()) return fail(Errno::NotDirectory);
  return check_access(*at_, AccessExecute, current_file_credentials());
}

ErrorOr<Ref<Inode>> Walk::to_end(LastLink last) {
  bool slash = false;
  while (next_component()) {
    if (component_.size() > MaxName) return fail(Errno::NameTooLong);
    TRY(enter_directory());
    slash = !rest_.empty();
    if (component_ == ".") continue;
    if (component_ == "..") {
      at_ = TRY(parent_of(at_));
      continue;
    }
    Ref<Inode> next = cross(TRY(last_ ? at_->lookup(component_) : at_->lookup_on_the_way(component_)));
    if (next->is_link() && (!last_ || last == LastLink::Follow || slash)) TRY(expand(*next));
    else at_ = std::move(next);
  }
  // A path that ends in a slash, or that was only slashes, names a directory.
  if (slash && !at_->is_directory()) return fail(Errno::NotDirectory);
  return at_;
}

ErrorOr<void> Walk::to_place(Place& place) {
  while (next_component()) {
    if (component_.size() > MaxName) return fail(Errno::NameTooLong);
    TRY(enter_directory());
    if (last_) {
      place.directory = at_;
      std::memcpy(place.name, component_.data(), component_.size());
      place.name[component_.size()] = 0;
      place.length = uint8_t(component_.size());
      place.must_be_directory = !rest_.empty();
      return {};
    }
    if (component_ == ".") continue;
    if (component_ == "..") {
      at_ = TRY(parent_of(at_));
      continue;
    }
    Ref<Inode> next = cross(TRY(at_->lookup_on_the_way(component_)));
    if (next->is_link()) TRY(expand(*next));
    else at_ = std::move(next);
  }
  // "/": the root has no name.
  place.directory = at_;
  place.name[0] = '.';
  place.name[1] = 0;
  place.length = 1;
  place.must_be_directory = true;
  return {};
}

ErrorOr<Ref<Inode>> resolve(const Ref<Inode>& base, std::string_view path, LastLink last) {
  Walk walk;
  TRY(walk.start(base, path));
  return walk.to_end(last);
}

ErrorOr<void> resolve_place(const Ref<Inode>& base, std::string_view path, Place& place) {
  Walk walk;
  TRY(walk.start(base, path));
  return walk.to_place(place);
}

ErrorOr<Ref<Inode>> base_directory(int descriptor) {
  if (descriptor == AtWorkingDirectory) return current_file_context().directory;
  Ref<Inode> inode = TRY(current_descriptors().get(descriptor))->inode();
  if (!inode || !inode->is_directory()) return fail(Errno::NotDirectory);
  return inode;
}

ErrorOr<size_t> path_of(Inode& inode, const Ref<Inode>& root, char* out, size_t capacity) {
  size_t start = capacity;
  Ref<Inode> at(&inode);
  while (!(at == root)) {
    if (at->is_mount_root()) {
      const Mount* mount = fs::mount_of_root(*at);
      if (!mount || !mount->covered) break;
      at = mount->covered;
      continue;
    }
    char name[NameCapacity];
    size_t n = TRY(at->name(name));
    if (start < n + 1) return fail(Errno::Range);
    start -= n;
    std::memcpy(out + start, name, n);
    out[--start] = '/';
    at = at->parent();
    if (!at) return fail(Errno::NoEntry);
    // A directory that a mount covers is known by the mount's root.
    at = Walk::cross(std::move(at));
  }
  if (start == capacity) {
    if (capacity == 0) return fail(Errno::Range);
    out[--start] = '/';
  }
  size_t length = capacity - start;
  std::memmove(out, out + start, length);
  return length;
}

}  // namespace pl
