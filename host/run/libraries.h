// SPDX-License-Identifier: BSD-2-Clause
// The interpreter and the libraries of a dynamically linked program: found on the host as its loader will look for them inside, so
// that the first tree has them in the same places.
#pragma once

#include <string>
#include <vector>

#include "run/failure.h"
#include "run/host_files.h"
#include "run/program.h"

namespace pl {

// Fills program.libraries; a static program needs none. `shown` is the program as the user named it; `roots` are directories that look
// like a root file system (separated by ':'): the first that has the interpreter serves its libraries too. `inside` is the program's
// directory there.
OrFailure<void> find_libraries(const HostFiles& files, const std::string& shown, const std::string& roots, Program& program,
                               const std::string& inside = "/bin");

}  // namespace pl
