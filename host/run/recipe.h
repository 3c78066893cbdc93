// SPDX-License-Identifier: BSD-2-Clause
// What instances of one program are made of: the plan, the open mounts, and a template or an image.
#pragma once

#include <optional>
#include <span>

#include "device/device.hpp"
#include "run/failure.h"
#include "run/plan.h"
#include "run/say.h"

namespace pl {

class DebuggerPort;

class Recipe {
 public:
  // Finds the program, and opens the mounts and the libOS ($PENGLAI_LIBOS).
  static OrFailure<Recipe> make(const RunOptions& options, const HostFiles& files);

  const Plan& plan() const { return plan_; }
  std::span<const Mount> mounts() const { return mounts_; }
  bool forks() const { return key_.has_value(); }

  // The id of its template: the one known, or found, or built. `forget` after it has turned out to be gone.
  OrFailure<uint64_t> find_template(Device& device, const Say& say, DebuggerPort* debugger = nullptr);
  void forget_template() { template_.reset(); }

  // The same program, libOS and configuration.
  bool same_as(const Recipe& other) const { return key_ == other.key_ && image_.has_value() == other.image_.has_value() && forks(); }

  // One that is no fork, sealed.
  OrFailure<Enclave> make_enclave(Device& device, pl_ioc_window window) const;

 private:
  Recipe(Plan plan, std::vector<Mount> mounts) : plan_(std::move(plan)), mounts_(std::move(mounts)) {}
  Plan plan_;
  std::vector<Mount> mounts_;
  std::optional<Digest> key_;
  std::optional<Pages> image_;
  std::optional<uint64_t> template_;
};

// A variable of the environment that is set and not empty, or `otherwise`.
const char* environment(const char* name, const char* otherwise);

}  // namespace pl
