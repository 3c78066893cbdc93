// SPDX-License-Identifier: BSD-2-Clause
// The stack that a program finds at its first instruction (System V ABI, "Process Initialization"; Linux's order of the strings).
#pragma once

#include <cstdint>

#include "base/error.h"
#include "memory/user.h"
#include "process/strings.h"

namespace pl {

struct AuxiliaryEntry { uint64_t type, value; };

namespace auxiliary {  // uapi linux/auxvec.h
constexpr uint64_t Null = 0, ProgramHeaders = 3, ProgramHeaderSize = 4, ProgramHeaderCount = 5, PageSize = 6, Base = 7, Flags = 8,
                   Entry = 9, Uid = 11, EffectiveUid = 12, Gid = 13, EffectiveGid = 14, Capabilities = 16, ClockTicks = 17, Secure = 23,
                   Random = 25, Capabilities2 = 26, ExecutableName = 31, SystemPage = 33;
}

// Where everything lies, from the sizes alone.
struct StackLayout {
  uint64_t sp, auxiliary, random, strings, environment_strings, name, end;
  // `top` is 16-byte aligned. Strings of the arguments, then of the environment, then the executable's name.
  static StackLayout make(uint64_t top, size_t arguments, size_t environment, size_t auxiliary_entries, size_t argument_bytes,
                          size_t environment_bytes, size_t name_bytes);
};

struct StackContents {
  const ArgumentStrings* script = nullptr;  // interpreter and script, before the arguments; or null
  const ArgumentStrings& arguments;
  const ArgumentStrings& environment;
  std::string_view executable_name;
  const AuxiliaryEntry* auxiliary;  // without Random, ExecutableName and Null: added here
  size_t auxiliary_count;
  uint8_t random[16];
};

// The arguments and variables of a program that has had its first stack for long: pointers to the arguments and a null, then the strings
// of both, from `at` upwards.
struct ArgumentPlaces { uint64_t strings, environment_strings, end; };
size_t argument_block_bytes(const ArgumentStrings& arguments, const ArgumentStrings& environment);
// The pointers to the variables go into the `slots` words at `environment_at`, the rest of which become null: E2BIG when they are too few
// for them and a null.
ErrorOr<ArgumentPlaces> write_arguments(UserAddress at, UserAddress environment_at, size_t slots, const ArgumentStrings& arguments,
                                        const ArgumentStrings& environment);

// Writes it all below `top`, in one pass upwards.
ErrorOr<StackLayout> write_stack(UserAddress top, const StackContents& contents);

}  // namespace pl
