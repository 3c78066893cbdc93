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

// A short one is put where it is aligned as the program's is: such strings are copied by words.
ErrorOr<void> PathName::read(UserAddress from) {
  char* to = short_ + from.value % Word;
  auto length = copy_string_from_user(to, from, sizeof short_ - Word);
  if (!length) {
    if (length.error() != Errno::NameTooLong) return fail(length.error());
    to = long_ = static_cast<char*>(heap_allocate(MaxPath, 1));
    if (!long_) return fail(Errno::NoMemory);
    length = copy_string_from_user(to, from, MaxPath);
    if (!length) return fail(length.error());
  }
  view_ = {to, *length};
  return {};
}

ErrorOr<void> check_access(Inode& inode, uint32_t access, const FileCredentials& who) {
  if (access & AccessWrite && inode.read_only() && (inode.is_directory() || inode.is_regular() || inode.is_link()))
    return fail(Errno::ReadOnly);
  // CAP_DAC_OVERRIDE allows anything but executing what nobody may (capabilities(7)).
  const bool directory = inode.is_directory();
  if (who.has(Capability::OverrideAccess) && (!(access & AccessExecute) || directory)) return {};
  if (who.has(Capability::ReadAndSearch) && (directory ? !(access & AccessWrite) : access == AccessRead)) return {};
  Attributes a = TRY(inode.attributes());
  if (who.has(Capability::OverrideAccess) && a.mode & 0111) return {};
  uint32_t granted = a.mode & 7;
  if (who.uid == a.uid) granted = a.mode >> 6 & 7;
  else if (who.in_group(a.gid)) granted = a.mode >> 3 & 7;
  return (access & ~granted) == 0 || inode.grants(access) ? ErrorOr<void>() : fail(Errno::Access);
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
  who_ = current_file_credentials();
  return {};
}

bool Walk::next_component() {
  const char* at = rest_.data();
  const char* const end = at + rest_.size();
  while (at < end && *at == '/') ++at;
  const char* const start = at;
  while (at != end && *at != '/') ++at;
  component_ = {start, size_t(at - start)};
  rest_ = {at, size_t(end - at)};
  while (at < end && *at == '/') ++at;
  last_ = at == end;
  return !component_.empty();
}

Ref<Inode> Walk::cross(Ref<Inode> inode) {
  while (inode->is_mount_point()) {
    const Mount* mount = fs::mount_on(*inode);
    if (!mount) break;
    inode = mount->root;
  }
  return inode;
}

ErrorOr<Ref<Inode>> Walk::enter(Ref<Inode> inode) {
  if (inode->is_mount_point() && resolve_ & resolve_flag::NoCrossing) return fail(Errno::CrossDevice);
  return cross(std::move(inode));
}

// The parent as seen from below `root`: not above it, and out of a mount through what it covers.
ErrorOr<Ref<Inode>> Walk::parent_of(Ref<Inode> inode, const Inode* root) {
  while (inode.get() != root && inode->is_mount_root()) {
    const Mount* mount = fs::mount_of_root(*inode);
    if (!mount || !mount->covered) break;
    inode = mount->covered;
  }
  if (inode.get() == root) return inode;
  Ref<Inode> parent = inode->parent();
  if (!parent) return inode == fs::root() ? ErrorOr<Ref<Inode>>(inode) : fail(Errno::NoEntry);
  return cross(parent);
}

ErrorOr<bool> Walk::expand(Inode& link) {
  if (++links_ > MaxLinks || resolve_ & resolve_flag::NoLinks) return fail(Errno::LinkLoop);
  if (Ref<Inode> target = TRY(link.follow())) {
    if (resolve_) TRY(may_jump(target));
    at_ = cross(std::move(target));
    return false;
  }
  if (!TRY(expand_short(link))) {
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
  }
  if (rest_[0] == '/') at_ = resolve_ ? TRY(restricted_root()) : current_file_context().root;
  return true;
}

// Where the text of a link and what comes behind it are short: nothing is allocated. False: they are not.
ErrorOr<bool> Walk::expand_short(Inode& link) {
  char text[sizeof short_];
  auto n = link.readlink(text, sizeof text);
  if (!n || *n + rest_.size() >= sizeof text) return false;  // an error is for who has room for any text
  if (*n == 0) return fail(Errno::NoEntry);
  std::memmove(short_ + *n, rest_.data(), rest_.size());
  std::memcpy(short_, text, *n);
  rest_ = {short_, *n + rest_.size()};
  return true;
}

ErrorOr<bool> Walk::follow(Inode& link) {
  last_ = false;
  return expand(link);
}

ErrorOr<void> Walk::to_last() {
  while (!last_) {
    if (!next_component()) {
      component_ = ".";
      return {};
    }
    if (component_.size() > MaxName) return fail(Errno::NameTooLong);
    if (!at_->is_directory()) return fail(Errno::NotDirectory);
    if (!who_.has(Capability::OverrideAccess)) TRY(check_access(*at_, AccessExecute, who_));  // with it one may look into any directory
    if (!last_) TRY(step(LastLink::Follow));
  }
  return {};
}

ErrorOr<bool> Walk::dots() {
  if (component_.size() == 2) at_ = TRY(resolve_ ? restricted_parent() : parent_of(at_, current_file_context().root.get()));
  return false;
}

// What component_ names.
ErrorOr<bool> Walk::step(LastLink last) {
  const bool was_last = std::exchange(last_, false);
  if (component_[0] == '.') [[unlikely]]
    if (component_ == "." || component_ == "..") return dots();
  if (resolve_ & resolve_flag::Cached && !at_->answers_from_memory(component_)) return fail(Errno::Again);
  Ref<Inode> next = TRY(was_last ? at_->lookup(component_) : at_->lookup_on_the_way(component_));
  if (next->is_mount_point()) next = TRY(enter(std::move(next)));
  if (next->is_link() && last == LastLink::Follow) return expand(*next);
  at_ = std::move(next);
  return false;
}

ErrorOr<Ref<Inode>> Walk::to_end(LastLink last) {
  for (;;) {
    TRY(to_last());
    const bool directory = must_be_directory();
    if (TRY(step(directory ? LastLink::Follow : last))) continue;
    if (directory && !at_->is_directory()) return fail(Errno::NotDirectory);
    return std::move(at_);
  }
}

ErrorOr<Ref<Inode>> resolve(const Ref<Inode>& base, std::string_view path, LastLink last) {
  Walk walk;
  TRY(walk.start(base, path));
  return walk.to_end(last);
}

ErrorOr<void> resolve_place(const Ref<Inode>& base, std::string_view path, Place& place) {
  Walk walk;
  TRY(walk.start(base, path));
  TRY(walk.to_last());
  place.directory = Ref<Inode>(&walk.directory());
  place.must_be_directory = walk.must_be_directory();
  place.length = uint8_t(walk.component().copy(place.name, MaxName));
  place.name[place.length] = 0;
  return {};
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
    if (!at) break;  // a memfd, which never was in a directory
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

ErrorOr<size_t> shown_path_of(Inode& inode, const Ref<Inode>& root, char* out, size_t capacity) {
  constexpr std::string_view Deleted = " (deleted)";
  size_t length = TRY(path_of(inode, root, out, capacity));
  if (!inode.is_removed()) return length;
  if (capacity - length < Deleted.size()) return fail(Errno::Range);
  return length + Deleted.copy(out + length, Deleted.size());
}

}  // namespace pl
