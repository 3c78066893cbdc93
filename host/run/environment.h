// SPDX-License-Identifier: BSD-2-Clause
// The environment of an instance: a few defaults, --env-file, -e, in this order.
#pragma once

#include <string>
#include <vector>

#include "run/failure.h"
#include "run/host_files.h"
#include "run/options.h"

namespace pl {

OrFailure<std::vector<std::string>> build_environment(const RunOptions& options, const HostFiles& files, bool terminal);

}  // namespace pl
