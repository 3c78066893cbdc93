// SPDX-License-Identifier: BSD-2-Clause
// One walk along a path name. Used by path.cpp and name_operations.cpp only.
#pragma once

#include "fs/path.h"

namespace pl {

class Walk {
 public:
  Walk() = default;
  Walk(const Walk&) = delete;
  ~Walk();

  ErrorOr<void> start(const Ref<Inode>& base, std::string_view path);
  // To the directory of the last component, which is then component(): "." where a path has none. Nobody looked at that one yet.
  ErrorOr<void> to_last();
  ErrorOr<Ref<Inode>> to_end(LastLink last);
  Inode& directory() const { return *at_; }
  std::string_view component() const { return component_; }
  bool must_be_directory() const { return !rest_.empty(); }  // the path ends in '/'
  // What stands at an inode: the root of the mount that covers it, or itself.
  static Ref<Inode> cross(Ref<Inode> inode);
  static ErrorOr<Ref<Inode>> parent_of(Ref<Inode> inode);

 private:
  bool next_component();
  ErrorOr<bool> step(LastLink last);  // true: a link's text is to be walked now
  ErrorOr<bool> expand(Inode& link);

  Ref<Inode> at_;
  FileCredentials who_;
  std::string_view rest_;       // of the path, behind component_
  std::string_view component_;
  bool last_ = false;           // nothing but slashes behind component_, which is still to be walked
  char* expanded_ = nullptr;    // what rest_ points into once a link was followed
  unsigned links_ = 0;
};

}  // namespace pl
