// SPDX-License-Identifier: BSD-2-Clause
// Whether a file is a program that an enclave can run, said before anything is built from it. The libOS checks again: it
// trusts no host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace pl {

struct ElfProgram {
  bool position_independent = false;
  bool dynamic = false;  // it names an interpreter
};

// A library need not begin anywhere.
enum class ElfUse : uint8_t { Program, Library };

// The error completes the sentence "PROGRAM: ...".
std::expected<ElfProgram, std::string> check_elf(std::span<const std::byte> file, ElfUse use = ElfUse::Program);

// What a program or a shared library wants to find beside it (System V ABI, "Dynamic Linking").
struct ElfLinks {
  std::string interpreter;          // PT_INTERP; empty: none
  std::vector<std::string> needed;  // DT_NEEDED
  std::string search;               // DT_RUNPATH, else DT_RPATH: directories, separated by ':'
  bool library = false;             // a shared object that is no program (DF_1_PIE)
};

// Fills `to` with the file's bytes from `offset` on; false where it ends before.
using ReadAt = std::function<bool(uint64_t offset, std::span<std::byte> to)>;

// Looks at a few hundred bytes only. Of a static program there are none; the error is as above.
std::expected<ElfLinks, std::string> read_links(const ReadAt& read);

}  // namespace pl
