// SPDX-License-Identifier: BSD-2-Clause
// What a debug enclave tells of its calls, as lines that the host makes strace's of (host/run/strace.h). Numbers are hexadecimal:
//
//   strace> PID NUMBER A0 A1 A2 A3 A4 A5 ["INDEX:text"...] [INDEX=BYTES...]     before a call
//   strace< PID NUMBER RESULT ["INDEX:text"] [INDEX=BYTES...]                   after it
//   strace! PID SIGNAL CODE ADDRESS                            a signal is delivered, or kills
//
// A text is what a string or a buffer held, up to 32 bytes, with \xNN for what is not printable, and "..." behind it if there was more.
// Bytes, in hexadecimal digits, are a structure as the program has it: what they mean is the host's to say.
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
  // Structures: how many words of 4 bytes an argument points to, read by the call (none: 0) or filled by it.
  uint8_t words[6] = {};
  static constexpr uint8_t Filled = 0x80, Words = 0x3f;
  uint8_t counted = 0;           // bit n: it is an array, and the next argument its length
  uint8_t sized = 0;             // bit n: the next argument is its size in bytes
};
constexpr size_t MostBytes = 128;

template <class T> constexpr uint8_t words_of = 0;
template <class T> constexpr uint8_t size_in_words = uint8_t(std::min(sizeof(T), MostBytes) / 4);
template <class T> constexpr uint8_t words_of<UserIn<T>> = size_in_words<T>;
template <class T> constexpr uint8_t words_of<UserOut<T>> = size_in_words<T> | Shown::Filled;

constexpr bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  for (std::string_view each : list)
    if (word == each) return true;
  return false;
}

template <class... A>
constexpr Shown shown(std::string_view call, std::string_view parameters, Result (*)(A...)) {
  Shown result;
  constexpr uint8_t typed[] = {words_of<A>..., 0};
  for (unsigned i = 0; i < sizeof...(A); ++i) result.words[i] = typed[i];
  const bool sends = call.find("write") != call.npos || call.starts_with("send");
  for (unsigned i = 0; !parameters.empty(); ++i) {
    const size_t end = std::min(parameters.find(','), parameters.size());
    std::string_view one = parameters.substr(0, end);
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    std::string_view next = parameters.substr(0, std::min(parameters.find(','), parameters.size()));
    next.remove_prefix(std::min(next.rfind(' ') + 1, next.size()));
    constexpr std::string_view Type = "UserAddress ";
    if (one.ends_with(" descriptors") && result.words[i]) result.words[i] = 2 | Shown::Filled;
    if (result.words[i] && next == "count") result.counted |= uint8_t(1 << i);
    if (!one.starts_with(Type)) continue;
    const std::string_view name = one.substr(Type.size());
    if (name == "entries") result.words[i] = 2, result.counted |= uint8_t(1 << i);
    else if (name == "timeout" || name == "left") result.words[i] = 4;
    else if (name == "length") result.words[i] = 1;
    else if (name == "argument" && call == "ioctl") result.words[i] = 9 | Shown::Filled;
    else if (name == "arguments" && next == "size") result.words[i] = 22;
    else if (name == "address" && next == "length") result.words[i] = 28 | Shown::Filled;
    else if (name == "address" && is_one_of(call, {"bind", "connect", "sendto"})) result.words[i] = 28, result.sized |= uint8_t(1 << i);
    else if (is_one_of(name, {"path", "target", "name", "source", "type", "from", "to", "new_root", "old_root"})) result.strings |= uint8_t(1 << i);
    else if (name == "buffer") (sends ? result.sent : result.filled) = int8_t(i);
  }
  return result;
}

#define PL_SYSCALL(number, name, handler, ...) [number] = shown(#name, #__VA_ARGS__, handler),
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
  void add_structure(unsigned index, uint64_t address, size_t bytes) {
    uint8_t part[4];
    if (!address || !bytes || !copy_from_user(part, UserAddress(address), std::min<size_t>(bytes, 4))) return;
    add(" %u=", index);
    for (size_t at = 0; at < bytes; at += sizeof part) {
      const size_t n = std::min(bytes - at, sizeof part);
      if (!copy_from_user(part, UserAddress(address + at), n)) return;
      for (size_t i = 0; i < n; ++i) add("%02x", unsigned(part[i]));
    }
  }
  // So that no line is lost, nor the last one before a crash: the host has it before anything else happens.
  void send() {
    ocall::log(std::string_view(text_, std::min(used_, sizeof(text_) - 1)));
    ocall::leave_doorbell();
  }

 private:
  char text_[1000];
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

void add_structures(Line& line, const Shown& what, const TrapFrame& frame, const uint64_t* result) {
  for (unsigned i = 0; i < 6; ++i) {
    size_t bytes = (what.words[i] & Shown::Words) * size_t(4);
    const bool filled = what.words[i] & Shown::Filled, counted = what.counted >> i & 1;
    // The first argument is where the result is by now: what a call filled is never in it but for pipe2(), which the thread remembers.
    const uint64_t address = result && i == 0 ? current_thread().original_a0 : frame.a(i);
    if (!bytes || (filled && !result)) continue;
    if (counted) bytes *= filled ? *result : frame.a(i + 1);
    if (what.sized >> i & 1) bytes = std::min(bytes, size_t(frame.a(i + 1)));
    line.add_structure(i, address, std::min(bytes, MostBytes));
  }
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
  add_structures(line, what, frame, nullptr);
  line.send();
}

void trace_result(const Thread& thread, uint64_t number, uint64_t result) {
  const Shown& what = shown_of(number);
  Line line;
  line.add("strace< %x %lx %lx", unsigned(thread.tid), number, result);
  if (what.filled >= 0 && int64_t(result) > 0) add_buffer(line, unsigned(what.filled), thread.frame.a(unsigned(what.filled)), result);
  if (int64_t(result) >= 0) add_structures(line, what, thread.frame, &result);
  line.send();
}

void trace_signal(const Thread& thread, int number, int code, uint64_t address) {
  Line line;
  line.add("strace! %x %x %x %lx", unsigned(thread.tid), unsigned(number), unsigned(code), address);
  line.send();
}

}  // namespace pl
