// SPDX-License-Identifier: BSD-2-Clause
// One walk along a path name. Used by path.cpp, name_operations.cpp and restricted_walk.cpp only.
#pragma once

#include "fs/path.h"

namespace pl {

class Walk {
 public:
  Walk() = default;
  // Within what openat2(2) allows with RESOLVE_*; `scope` is where it starts.
  Walk(uint32_t resolve, const Ref<Inode>& scope) : resolve_(uint16_t(resolve)), scope_(scope.get()) {}
  Walk(const Walk&) = delete;
  ~Walk();

  ErrorOr<void> start(const Ref<Inode>& base, std::string_view path);
  // To the directory of the last component, which is then component(): "." where a path has none. Nobody looked at that one yet.
  ErrorOr<void> to_last();
  ErrorOr<Ref<Inode>> to_end(LastLink last);
  // From the last component on, which is this link: to be followed by to_last(), or (false) to directory(), where it has led.
  ErrorOr<bool> follow(Inode& link);
  Inode& directory() const { return *at_; }
  std::string_view component() const { return component_; }
  bool must_be_directory() const { return !rest_.empty(); }  // the path ends in '/'
  // What stands at an inode: the root of the mount that covers it, or itself.
  static Ref<Inode> cross(Ref<Inode> inode);
  // The same, where that is allowed.
  [[gnu::noinline]] ErrorOr<Ref<Inode>> enter(Ref<Inode> inode);

 private:
  bool next_component();
  ErrorOr<bool> step(LastLink last);  // true: a link's text is to be walked now
  [[gnu::noinline]] ErrorOr<bool> dots();
  ErrorOr<bool> expand(Inode& link);
  ErrorOr<bool> expand_short(Inode& link);
  static ErrorOr<Ref<Inode>> parent_of(Ref<Inode> inode, const Inode* root);

  // restricted_walk.cpp
  ErrorOr<Ref<Inode>> restricted_parent();
  ErrorOr<Ref<Inode>> restricted_root();
  ErrorOr<void> may_jump(const Ref<Inode>& target);

  Ref<Inode> at_;
  FileCredentials who_;
  std::string_view rest_;       // of the path, behind component_
  std::string_view component_;
  bool last_ = false;           // nothing but slashes behind component_, which is still to be walked
  char* expanded_ = nullptr;    // what rest_ points into once a link was followed, or
  char short_[64];
  uint16_t links_ = 0;
  uint16_t resolve_ = 0;
  Inode* scope_;  // of a restricted walk
};

}  // namespace pl
