// SPDX-License-Identifier: BSD-2-Clause
// A lock that is held across user copies and sleeps: one reader of a pipe at a time, one writer of a file description's offset.
#pragma once

#include "process/wait.h"

namespace pl {

class Mutex {
 public:
  void acquire() {
    if (held_) (void)wait_for(free_, NoDeadline, Sleep::Uninterruptible, [this] { return !held_; });
    held_ = true;
  }
  void release() {
    held_ = false;
    if (!free_.empty()) free_.wake_one();
  }

 private:
  bool held_ = false;
  WaitQueue free_;
};

class MutexHolder {
 public:
  explicit MutexHolder(Mutex& mutex) : mutex_(mutex) { mutex_.acquire(); }
  ~MutexHolder() { mutex_.release(); }
  MutexHolder(const MutexHolder&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace pl
