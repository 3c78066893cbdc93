// SPDX-License-Identifier: BSD-2-Clause
// What stands behind the pointers of penglai.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "penglai/penglai.h"
#include "run/job.h"
#include "run/output.h"

namespace pl {

// Takes everything and keeps nothing.
class Nowhere : public Channel {
 public:
  int write(std::span<const std::byte> buffer) override { return static_cast<int>(buffer.size()); }
};

struct KnownRecipe {
  std::string key;
  std::unique_ptr<Recipe> recipe;
};

}  // namespace pl

struct penglai_instance {
  std::unique_ptr<pl::Recipe> own;
  pl::Job job;
  std::optional<pl::MemoryInput> input;
  std::optional<pl::MemoryOutput> output[2];
  pl::Nowhere nowhere;
  bool ended = false, waited = false;
};

struct penglai_handle {
  std::unique_ptr<pl::Runtime> runtime;  // outlives the windows of the instances
  std::vector<pl::KnownRecipe> recipes;
  std::vector<std::unique_ptr<penglai_instance>> instances;
  std::string error;
  std::string said;  // by an enclave, last

  // Lets instances run until one has ended, or until this time of CLOCK_MONOTONIC (0: for ever).
  void step(uint64_t until) {
    pl::Job* job = runtime->next_until(until);
    if (!job) return;
    for (auto& each : instances)
      if (&each->job == job) each->ended = true;
  }
};
