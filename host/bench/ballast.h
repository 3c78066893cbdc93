// SPDX-License-Identifier: BSD-2-Clause
// A program that brings memory which it never touches: what a template holds must not matter to its forks.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace pl::bench {

// A copy of a static riscv64 ELF whose note becomes one more writable segment of `bytes` bytes (whole pages), none of them zero, far
// above the others. The error is a line of text.
std::expected<std::vector<unsigned char>, std::string> with_ballast(std::vector<unsigned char> program, uint64_t bytes);

}  // namespace pl::bench
