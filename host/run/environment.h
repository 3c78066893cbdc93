// SPDX-License-Identifier: BSD-2-Clause
// The environment of an instance, or of a template that runs its program: a few defaults, --env-file, -e, in this order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "run/failure.h"
#include "run/host_files.h"
#include "run/options.h"

namespace pl {

// An instance has besides what its terminal is called, and --instance-env; instances that differ in those share a template.
enum class EnvironmentOf : uint8_t { Instance, Template };

OrFailure<std::vector<std::string>> build_environment(const RunOptions& options, const HostFiles& files, bool terminal,
                                                      EnvironmentOf whose = EnvironmentOf::Instance);

}  // namespace pl
