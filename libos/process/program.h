// SPDX-License-Identifier: BSD-2-Clause
// Loading programs: from an executable file to an address space and registers.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "fs/abi.h"
#include "fs/inode.h"
#include "process/elf.h"
#include "process/process.h"
#include "process/strings.h"

namespace pl {

// An executable and, where it names one, its interpreter: read and checked, nothing mapped yet. Too large for a kernel stack.
struct Program {
  Ref<Inode> inode, interpreter_inode;
  ElfImage image, interpreter;
  bool has_interpreter = false;
  std::byte scratch[ElfHeaderSize + ElfMaxProgramHeaders * ElfProgramHeaderSize];
};

// Into the libOS's own memory; short only at the end of the file.
ErrorOr<size_t> read_at(Inode& inode, uint64_t offset, void* to, size_t bytes);

// ENOEXEC for what is no riscv64 ELF.
ErrorOr<void> read_program(Ref<Inode> inode, Program& program);

// The executable that a name means: a path, or a name to be looked for where a shell of user 0 would. `name` becomes its path, in `place`.
ErrorOr<Ref<Inode>> find_program(std::string_view& name, std::span<char> place);

// From a script to the program that executes it (execve(2), "Interpreter scripts").
struct Scripts {
  static constexpr size_t Line = 256;
  ArgumentStrings words;  // what stands before the arguments then, in the place of argv[0]
  char line[Line];
  char name[MaxPath];
  bool closed = false;  // the first name leads through a descriptor that execve closes: no interpreter could open it, so ENOENT
};
// `inode` and `name` become the interpreter's (`name` in `scripts`). False: it is no script.
ErrorOr<bool> follow_scripts(Ref<Inode>& inode, std::string_view& name, Scripts& scripts);

// Where a program has been mapped: what the stack's auxiliary vector says of it.
struct LoadedProgram {
  uint64_t start = 0;  // the first instruction: the interpreter's, if there is one
  uint64_t entry = 0, headers = 0, header_count = 0, interpreter_base = 0;
  uint64_t end = 0;    // behind the last segment: where the break may start
  uint64_t data_bytes = 0;  // of the last segment, initialized
  uint64_t vdso = 0;
  bool executable_stack = false;
};

// Maps it into the address space that is active, which is empty, with the vDSO.
ErrorOr<LoadedProgram> map_program(const Program& program);

// Random places for stack, break and mappings, in the active address space.
struct Bases { uint64_t stack_top; };
ErrorOr<Bases> choose_bases(const LoadedProgram& loaded, uint64_t stack_limit);

// Stack and registers of a program's first instruction, for the current thread.
struct Start {
  const ArgumentStrings* script = nullptr;
  const ArgumentStrings& arguments;
  const ArgumentStrings& environment;
  std::string_view name;  // AT_EXECFN
  bool secure = false;    // AT_SECURE
};
ErrorOr<void> prepare_start(const LoadedProgram& loaded, const Start& start);
// The same for a template that runs before it freezes: `room` bytes, at most a page, stay free above the first frame, in one page with it if
// it is small. Returns where they are.
ErrorOr<UserAddress> prepare_template_start(const LoadedProgram& loaded, const Start& start, size_t room);

// comm of the thread and process (prctl(2), PR_SET_NAME): the last component of the path.
void set_program_name(Thread& thread, std::string_view path);

// execve(2): `path` as the program gave it, `inode` what it names; `closed` as of Scripts. On success the current thread's frame is the new
// program's.
ErrorOr<void> execute(Ref<Inode> inode, std::string_view path, bool closed, ArgumentStrings& arguments, ArgumentStrings& environment);

}  // namespace pl
