// SPDX-License-Identifier: BSD-2-Clause
// Finds PROGRAM and says in one line why it cannot run, when it cannot.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "run/failure.h"
#include "run/host_files.h"

namespace pl {

// A file that goes into the enclave beside the program: its interpreter, or a shared library.
struct Library {
  std::string path;   // inside
  std::string shown;  // for messages
  Descriptor file;
  struct stat status {};
};

struct Program {
  std::string name;  // last component of its path
  std::string path;  // of the host, as who named it would open it
  Descriptor file;
  struct stat status {};
  std::vector<Library> libraries;  // of a dynamically linked one: run/libraries.h
};

// `name` with a slash is a path; without, an example in one of the directories of `examples` (separated by ':').
OrFailure<Program> find_program(const HostFiles& files, const std::string& name, const std::string& examples);

// Its content, which is an ELF file that an enclave can run.
OrFailure<std::vector<std::byte>> read_program(const Program& program, const std::string& shown_name);
OrFailure<std::vector<std::byte>> read_library(const Library& library);

}  // namespace pl
