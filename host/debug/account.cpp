// SPDX-License-Identifier: BSD-2-Clause
#include "debug/account.h"

#include <fmt/format.h>

#include <cstring>
#include <string>
#include <vector>

#include "debug/unwind.h"

namespace pl {
namespace {

constexpr unsigned kFramesMost = 100;
constexpr const char* kNames[32] = {"pc", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
                                    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

// What siginfo says of a fault (sigaction(2)).
std::string cause(const pl_debug_stop& stop) {
  constexpr int kIll = 4, kTrap = 5, kBus = 7, kFpe = 8, kSegv = 11;
  if (stop.code <= 0 || stop.code >= 0x80) return "";
  switch (stop.signal) {
    case kSegv: return fmt::format(": {:#x} is {}", stop.address, stop.code == 1 ? "not mapped" : "not to be accessed so");
    case kBus: return fmt::format(": {:#x} {}", stop.address, stop.code == 1 ? "is misaligned" : "is behind the end of a file");
    case kIll: return fmt::format(": no instruction at {:#x}", stop.address);
    case kTrap: return fmt::format(": a breakpoint at {:#x}", stop.address);
    case kFpe: return fmt::format(": at {:#x}", stop.address);
    default: return "";
  }
}

}  // namespace

void print_account(Debuggee& debuggee, const pl_debug_stop& stop, const std::function<void(std::string_view line)>& print) {
  const char* name = stop.signal > 0 && stop.signal < 32 ? sigabbrev_np(stop.signal) : nullptr;
  print(fmt::format("process {}, thread {}: {}{}", stop.pid, stop.tid, name ? std::string("SIG") + name : fmt::format("signal {}", stop.signal), cause(stop)));
  const auto registers = debuggee.registers(stop.tid);
  if (!registers) return;
  for (unsigned first = 0; first < 32; first += 4) {
    std::string line;
    for (unsigned number = first; number < first + 4; ++number) line += fmt::format(" {:>4} {:016x}", kNames[number], registers->x[number]);
    print(line);
  }
  DebuggeeMemory memory(debuggee, stop.tid);
  MappedObjects objects(debuggee, stop.pid);
  Unwinder unwinder(memory, objects);
  UnwindFrame frame;
  frame.pc = registers->x[0];
  std::memcpy(frame.x.data() + 1, registers->x + 1, 31 * sizeof(uint64_t));
  std::vector<std::string> frames;
  std::vector<PlaceInFile> places;
  do {
    frames.push_back(fmt::format("  #{:<2} {:016x} {}", frames.size(), frame.pc, objects.describe(frame.pc, frame.place())));
    places.push_back(objects.place(frame.place()));
  } while (frames.size() < kFramesMost && unwinder.step(frame));
  const auto lines = source_lines(places);
  for (size_t number = 0; number < frames.size(); ++number) print(frames[number] + (lines[number].empty() ? "" : " at " + harmless(lines[number])));
  if (frames.size() == kFramesMost) print("  ... and more");
}

}  // namespace pl
