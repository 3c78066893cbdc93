// SPDX-License-Identifier: BSD-2-Clause
// What a debug enclave tells of its calls, as lines that the host makes strace's of (host/run/strace.h). Numbers are hexadecimal:
//
//   strace> PID NUMBER A0 A1 A2 A3 A4 A5 ["INDEX:text"...]     before a call
//   strace< PID NUMBER RESULT ["INDEX:text"]                   after it
//   strace! PID SIGNAL CODE ADDRESS                            a signal is delivered, or kills
//
// A text is what a string or a buffer held, up to 32 bytes, with \xNN for what is not printable, and "..." behind it if there was more.
#include <algorithm>
#include <string_view>

#include "base/log.h"
#include "ocall/leave.h"
#include "ocall/ring.h"
#include "process/process.h"
#include "process/trace.h"
#include "syscall/table.h"

namespace pl {

namespace {

bool traced;

// Which arguments of a call are worth showing by content, told from the names of its parameters.
struct Shown {
  uint8_t strings = 0;           // bit n: argument n is a string
  int8_t sent = -1, filled = -1; // a buffer that the call reads, or fills
};

constexpr bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  for (std::string_view each : list)
    if (word == each) return true;
  return false;
}

constexpr Shown shown(std::string_view call, std::string_view parameters) {
  Shown result;
  const bool sends = call.find("write") != call.npos || call.starts_with("send");
  for (unsigned i = 0; !parameters.empty(); ++i) {
    const size_t end = std::min(parameters.find(','), parameters.size());
    std::string_view one = parameters.substr(0, end);
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    constexpr std::string_view Type = "UserAddress ";
    if (!one.starts_with(Type)) continue;
    const std::string_view name = one.substr(Type.size());
    if (is_one_of(name, {"path", "target", "name", "source", "type", "from", "to", "new_root", "old_root"})) result.strings |= uint8_t(1 << i);
    else if (name == "buffer") (sends ? result.sent : result.filled) = int8_t(i);
  }
  return result;
}

#define PL_SYSCALL(number, name, handler, ...) [number] = shown(#name, #__VA_ARGS__),
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-designator"
constexpr Shown shown_of_call[SystemCallLimit + 1] = {
#include "syscall/table.def"
};
#pragma clang diagnostic pop
#undef PL_SYSCALL

const Shown& shown_of(uint64_t number) { return shown_of_call[number < SystemCallLimit ? number : SystemCallLimit]; }

class Line {
 public:
  template <class... A>
  void add(const char* text, A... arguments) {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-security"
    if (used_ < sizeof(text_)) used_ += format(text_ + used_, sizeof(text_) - used_, text, arguments...);
#pragma clang diagnostic pop
  }
  void add_bytes(unsigned index, const uint8_t* bytes, size_t count, bool more) {
    add(" \"%u:", index);
    for (size_t i = 0; i < count; ++i) {
      const uint8_t c = bytes[i];
      if (c < ' ' || c > '~' || c == '"' || c == '\\') add("\\x%02x", unsigned(c));
      else add("%c", int(c));
    }
    add("\"%s", more ? "..." : "");
  }
  // So that no line is lost, nor the last one before a crash: the host has it before anything else happens.
  void send() {
    ocall::log(std::string_view(text_, std::min(used_, sizeof(text_) - 1)));
    ocall::leave_doorbell();
  }

 private:
  char text_[400];
  size_t used_ = 0;
};

constexpr size_t ShownBytes = 32;

void add_string(Line& line, unsigned index, uint64_t address) {
  uint8_t bytes[ShownBytes + 1];
  size_t n = 0;
  for (; n < sizeof(bytes); ++n)
    if (!copy_from_user(bytes + n, UserAddress(address + n), 1) || !bytes[n]) break;
  if (n || address) line.add_bytes(index, bytes, std::min(n, ShownBytes), n > ShownBytes);
}

void add_buffer(Line& line, unsigned index, uint64_t address, uint64_t length) {
  uint8_t bytes[ShownBytes];
  const size_t n = std::min(length, uint64_t(ShownBytes));
  if (copy_from_user(bytes, UserAddress(address), n)) line.add_bytes(index, bytes, n, length > n);
}

}  // namespace

void enable_system_call_trace() { traced = true; }
bool system_calls_are_traced() { return traced; }

void trace_system_call(const Thread& thread) {
  const TrapFrame& frame = thread.frame;
  const Shown& what = shown_of(frame.x[RegisterA7]);
  Line line;
  line.add("strace> %x %lx", unsigned(thread.tid), frame.x[RegisterA7]);
  for (unsigned i = 0; i < 6; ++i) line.add(" %lx", frame.a(i));
  for (unsigned i = 0; i < 6; ++i)
    if (what.strings >> i & 1) add_string(line, i, frame.a(i));
  if (what.sent >= 0) add_buffer(line, unsigned(what.sent), frame.a(unsigned(what.sent)), frame.a(unsigned(what.sent) + 1));
  line.send();
}

void trace_result(const Thread& thread, uint64_t number, uint64_t result) {
  const Shown& what = shown_of(number);
  Line line;
  line.add("strace< %x %lx %lx", unsigned(thread.tid), number, result);
  if (what.filled >= 0 && int64_t(result) > 0) add_buffer(line, unsigned(what.filled), thread.frame.a(unsigned(what.filled)), result);
  line.send();
}

void trace_signal(const Thread& thread, int number, int code, uint64_t address) {
  Line line;
  line.add("strace! %x %x %x %lx", unsigned(thread.tid), unsigned(number), unsigned(code), address);
  line.send();
}

}  // namespace pl
