// SPDX-License-Identifier: BSD-2-Clause
// Shadow points behind the program's first instruction: a template runs its program, closed to the host, until it reaches the point, and
// freezes there. CONTRACT.md says what a fork finds.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/address.h"
#include "penglai/config.h"

struct pl_instance;

namespace pl {
class Inode;
class Thread;
}

namespace pl::shadow {

enum class Point : uint8_t { None = PL_SHADOW_NONE, Entry = PL_SHADOW_ENTRY, Main = PL_SHADOW_MAIN, Call = PL_SHADOW_CALL, Boot = PL_SHADOW_BOOT };

// What a template remembers of its program's start for the forks that go on from the point. In ordinary data: a fork only reads it.
struct PointRecord {
  static constexpr unsigned MaxCanaries = 16;
  static constexpr size_t Room = 2048;  // bytes of an instance's arguments and variables; more goes into a mapping of its own

  Point point = Point::None;
  bool running = false;        // the program runs, and has not reached the point
  UserAddress main;            // Main: known once the program's own first instruction was reached
  UserAddress breakpoint;      // planted there; null: none
  uint16_t instruction = 0;    // what it stands for
  // Of the first stack: room for an instance's arguments, the pointers to the variables, AT_RANDOM's bytes.
  UserAddress room, environment, random;
  size_t environment_slots = 0;  // with the null
  const Inode* directory = nullptr;
  uint32_t umask = 0;
  // The stack protector's word, wherever it is; of it, `canary_mask` is random.
  uint64_t canaries[MaxCanaries] = {};
  unsigned canary_count = 0;
  uint64_t canary_mask = 0;
};
extern PointRecord point_record;

// Goes to the loaded program's first instruction, on the way to `point`. `instance` is only asked what time it is: all else is measured.
[[noreturn]] void start_template(Point point, const pl_instance* instance, uint32_t readable_bytes);

// A breakpoint in the program: true when it was ours. At main this freezes and does not return.
bool take_breakpoint(Thread& thread);
// WorkFreeze: the thread is on its way back from the call that is the point.
[[noreturn]] void freeze_at_call(Thread& thread);

// A fork of a template that froze at such a point: becomes an instance and goes on.
[[noreturn]] void resume(const pl_instance* instance, uint32_t readable_bytes);

}  // namespace pl::shadow
