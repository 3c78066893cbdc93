// SPDX-License-Identifier: BSD-2-Clause
// Whether a file is a program that an enclave can run, said before anything is built from it. The libOS checks again: it
// trusts no host.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>

namespace pl {

struct ElfProgram {
  bool position_independent = false;
};

// The error completes the sentence "PROGRAM: ...".
std::expected<ElfProgram, std::string> check_elf(std::span<const std::byte> file);

}  // namespace pl
