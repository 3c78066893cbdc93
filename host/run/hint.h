// SPDX-License-Identifier: BSD-2-Clause
// What may have been forgotten, said after a program failed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "run/host_files.h"
#include "run/options.h"

namespace pl {

// The -v that would show the first argument that is a path of the host and of no mount.
std::optional<std::string> missing_mount(const RunOptions& options, const HostFiles& files);

}  // namespace pl
