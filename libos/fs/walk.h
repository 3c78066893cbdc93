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
  ErrorOr<Ref<Inode>> to_end(LastLink last);
  ErrorOr<void> to_place(Place& place);
  // What stands at an inode: the root of the mount that covers it, or itself.
  static Ref<Inode> cross(Ref<Inode> inode);
  static ErrorOr<Ref<Inode>> parent_of(Ref<Inode> inode);

 private:
  bool next_component();
  ErrorOr<void> expand(Inode& link);
  ErrorOr<void> enter_directory();

  Ref<Inode> at_;
  std::string_view rest_;       // of the path, behind component_
  std::string_view component_;
  bool last_ = false;           // nothing but slashes behind component_
  char* expanded_ = nullptr;    // what rest_ points into once a link was followed
  unsigned links_ = 0;
};

}  // namespace pl
