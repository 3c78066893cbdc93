// SPDX-License-Identifier: BSD-2-Clause
// A root directory of its own for a process on Linux, as an enclave has one: what is written there it alone sees.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace pl::suite {

// Once, before the first.
std::expected<void, std::string> prepare_roots();

// This process, and its children, see `lower` as their root, with memory above it, and have System V objects and message queues of
// their own; it is this user in this directory then.
std::expected<void, std::string> enter_root(const std::string& lower, const std::string& directory, uint32_t user, uint32_t group);

}  // namespace pl::suite
