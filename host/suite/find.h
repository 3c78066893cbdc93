// SPDX-License-Identifier: BSD-2-Clause
// The tests below a directory: what a user may execute there and that is a program.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "suite/options.h"

namespace pl::suite {

// Paths below `top`, sorted. Links to directories are not followed, links to programs are.
std::expected<std::vector<std::string>, std::string> find_tests(const std::filesystem::path& top);

// Those that the command line chooses.
std::vector<std::string> choose(const std::vector<std::string>& tests, const SuiteOptions& options);

}  // namespace pl::suite
