// SPDX-License-Identifier: BSD-2-Clause
// What a process shows of the instances that it serves to its user's other commands: its entry in the registry, and the
// answers to who asks there.
#pragma once

#include <memory>

#include "registry/control.h"
#include "registry/entry.h"
#include "run/job.h"
#include "run/options.h"

namespace pl {

class Serving {
 public:
  // A failure only where somebody has to find it: with a name that was asked for, or detached.
  static OrFailure<std::unique_ptr<Serving>> begin(const RunOptions& options, Runtime& runtime);
  Serving(Runtime& runtime, const RunOptions& options) : runtime_(runtime), options_(options) {}
  ~Serving();

  // Null: nobody can ask.
  const Entry* entry() const { return entry_ ? &*entry_ : nullptr; }
  // Answers who asks; a part of Server::on_attention().
  void attend() {
    if (control_) control_->attend();
  }
  void discard() { entry_->discard(); }
  void ended(int status, const std::string& message);
  // The signal that somebody sent to all of it, so that it should end; 0: none.
  int stopped() const { return stopped_; }

 private:
  std::string answer(const std::string& request);

  Runtime& runtime_;
  const RunOptions& options_;
  std::optional<Entry> entry_;
  std::optional<Control> control_;
  uint64_t created_ = 0;
  int stopped_ = 0;
};

}  // namespace pl
