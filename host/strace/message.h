// SPDX-License-Identifier: BSD-2-Clause
// Structures with pointers in them: iovec, msghdr and its control data, the vectors of execve; and names that sockets' calls have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "strace/memory.h"

namespace pl {

// How much of what its pointers point to a call has moved: nothing is shown of buffers that it did not fill.
constexpr uint64_t kAllMoved = ~uint64_t{0};
struct Moved {
  const Memory& memory;
  bool known = false;  // false: buffers are shown by address
  uint64_t bytes = kAllMoved;
};

// `b`: `count` of them, or as many as were told.
std::string vectors_text(std::string_view b, uint64_t count, Moved moved);
// `before`: as the program passed it, for what the call changed.
std::string message_text(std::string_view before, std::string_view b, const Moved& moved);
std::string messages_text(std::string_view before, std::string_view b, uint64_t count, bool filled, const Moved& moved);
// ["sh", "-c", ...]
std::string strings_text(std::string_view b, const Memory& memory);
std::string socket_level(uint64_t value);
std::string socket_option(uint64_t level, uint64_t option);
std::string message_flags(uint64_t value, std::string_view none);

}  // namespace pl
