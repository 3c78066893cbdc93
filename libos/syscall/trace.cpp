// SPDX-License-Identifier: BSD-2-Clause
// What a debug enclave tells of its calls, as lines that the host makes strace's of (host/run/strace.h). Numbers are hexadecimal:
//
//   strace> PID NUMBER A0 A1 A2 A3 A4 A5 ["INDEX:text"...] [INDEX=BYTES...] [INDEX#COUNT]     before a call
//   strace< PID NUMBER RESULT ["INDEX:text"] [INDEX=BYTES...] [INDEX#COUNT]                   after it
//   strace@ PID ADDRESS=BYTES       before either: what pointers within structures point to, and structures that are too long for the line
//   strace! PID SIGNAL=BYTES                                   a signal is delivered, or kills: its siginfo_t; no bytes: the thread stops
//   strace. PID PROCESS STATUS LAST                            a thread ends; LAST: 1 if it was the last of its process
//
// A text is what a string or a buffer held, up to 32 bytes, with \xNN for what is not printable, and "..." behind it if there was more.
// Bytes, in hexadecimal digits, are a structure as the program has it: what they mean is the host's to say. A count is how many entries a
// directory's buffer has, or variables an environment.
#include <algorithm>
#include <span>
#include <string_view>

#include "base/log.h"
#include "ocall/leave.h"
#include "ocall/ring.h"
#include "process/deliver.h"
#include "process/process.h"
#include "process/trace.h"
#include "syscall/shown.h"
#include "syscall/table.h"

namespace pl {

constinit bool calls_are_traced = false;

namespace {

constexpr size_t MostBytesInLine = 32;
constexpr size_t MostBytesBehind = 384;  // of an array behind a pointer

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
  // Up to the first byte that cannot be read; false: it is the very first.
  bool add_memory(uint64_t key, uint64_t address, size_t bytes) {
    uint8_t byte;
    for (size_t at = 0; at < bytes; ++at) {
      if (!copy_from_user(&byte, UserAddress(address + at), 1)) return at;
      if (!at) add(" %lx=", key);
      add("%02x", unsigned(byte));
    }
    return bytes;
  }
  // So that no line is lost, nor the last one before a crash: the host has it before anything else happens.
  void send() {
    ocall::log(std::string_view(text_, std::min(used_, sizeof(text_) - 1)));
    ocall::leave_doorbell();
  }

 private:
  char text_[sizeof pl_ring::log - 1];  // a longer one the ring would not take
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

// Tells what pointers within structures point to. Whatever the program has there: so many lines of so many bytes for a call.
class Behind {
 public:
  explicit Behind(const Thread& thread) : thread_(thread) {}

  void vectors(uint64_t address, uint64_t count, uint64_t limit) {
    count = std::min(count, MostBytesBehind / sizeof(IoVector));
    memory(address, count * sizeof(IoVector));
    IoVector v;
    for (uint64_t i = 0; i < count && limit && copy_from_user(&v, UserAddress(address + i * sizeof v), sizeof v); ++i) {
      const uint64_t moved = std::min(v.bytes, limit);
      limit -= moved;
      memory(v.address, std::min(moved, uint64_t(ShownBytes)));
    }
  }
  void message(uint64_t address, uint64_t limit) {
    MessageHeader h;
    if (!limit || !copy_from_user(&h, UserAddress(address), sizeof h)) return;
    vectors(h.vectors, h.vector_count, limit);
    memory(h.name, std::min(uint64_t(h.name_bytes), MostBytes));
    memory(h.control, std::min(h.control_bytes, MostBytes));
  }
  void messages(uint64_t address, uint64_t count, bool moved, bool contents) {
    count = std::min(count, MostBytesBehind / sizeof(ManyMessageHeader));
    memory(address, count * sizeof(ManyMessageHeader));
    ManyMessageHeader h;
    for (uint64_t i = 0; i < count && contents && copy_from_user(&h, UserAddress(address + i * sizeof h), sizeof h); ++i)
      message(address + i * sizeof h, moved ? h.length : ~uint64_t(0));
  }
  void strings(uint64_t address) {
    constexpr unsigned Most = 32;
    memory(address, Most * sizeof address);
    uint64_t each;
    for (unsigned i = 0; i < Most && copy_from_user(&each, UserAddress(address + i * sizeof each), sizeof each) && each; ++i) memory(each, ShownBytes + 1);
  }
  void memory(uint64_t address, size_t bytes) {
    for (size_t n; address && bytes && left_; address += n, bytes -= n, --left_) {
      n = std::min(bytes, MostBytes);
      Line line;
      line.add("strace@ %x", unsigned(thread_.tid));
      if (!line.add_memory(address, address, n)) return;
      line.send();
    }
  }

 private:
  const Thread& thread_;
  unsigned left_ = 80;
};

void add_structures(Line& line, Behind& behind, const Shown& what, const TrapFrame& frame, const uint64_t* result) {
  // The first argument is where the result is by now; the thread remembers it.
  const uint64_t first = result ? current_thread().original_a0 : frame.a(0);
  for (unsigned i = 0; i < 6; ++i) {
    size_t bytes = (what.words[i] & Shown::Words) * size_t(4);
    const bool filled = what.words[i] & Shown::Filled, counted = what.counted >> i & 1;
    const uint64_t address = i == 0 ? first : frame.a(i);
    if (!address || !bytes || (filled && !result)) continue;
    if (counted) bytes *= filled ? *result : frame.a(i + 1);
    if (what.sized >> i & 1) bytes = std::min(bytes, size_t(frame.a(i + 1)));
    if (what.sets >> i & 1) bytes = std::min(bytes, size_t((uint32_t(first) + uint64_t(63)) / 64 * 8));
    bytes = std::min(bytes, MostBytes);
    if (bytes > MostBytesInLine) behind.memory(address, bytes);
    else line.add_memory(i, address, bytes);
  }
}

void tell_behind(Behind& behind, const Thread& thread, const Shown& what, const uint64_t* result) {
  const unsigned i = what.pointing;
  const uint64_t address = i == 0 && result ? thread.original_a0 : thread.frame.a(i), count = thread.frame.a(i + 1);
  const bool contents = what.sends != bool(result);
  const uint64_t limit = !contents ? 0 : result ? *result : ~uint64_t(0);
  switch (what.pointers) {
    case Shown::Pointers::None: break;
    case Shown::Pointers::Vectors: return behind.vectors(address, uint32_t(count), limit);
    case Shown::Pointers::Message: return behind.memory(address, sizeof(MessageHeader)), behind.message(address, limit);
    case Shown::Pointers::Messages: return behind.messages(address, result ? *result : uint32_t(count), result, contents);
    case Shown::Pointers::Strings: return behind.strings(address);
    case Shown::Pointers::Mask: {
      uint64_t set;
      if (copy_from_user(&set, UserAddress(address), sizeof set)) behind.memory(set, sizeof(SignalSet));
    }
  }
}

void add_count(Line& line, unsigned index, uint64_t address, const uint64_t* filled) {
  unsigned count = 0;
  if (filled) {
    constexpr size_t Length = 16, Least = 19;  // linux_dirent64's d_reclen; what is before its name
    uint16_t length;
    for (uint64_t at = 0; at < *filled && copy_from_user(&length, UserAddress(address + at + Length), sizeof length) && length >= Least; at += length) ++count;
  } else {
    constexpr unsigned Most = 1 << 16;
    for (uint64_t each; count < Most && copy_from_user(&each, UserAddress(address + count * sizeof each), sizeof each) && each;) ++count;
  }
  line.add(" %u#%x", index, count);
}

}  // namespace

void enable_system_call_trace() { calls_are_traced = true; }

void trace_system_call(const Thread& thread) {
  const TrapFrame& frame = thread.frame;
  const Shown& what = shown_of(frame.x[RegisterA7]);
  Behind behind(thread);
  tell_behind(behind, thread, what, nullptr);
  Line line;
  line.add("strace> %x %lx", unsigned(thread.tid), frame.x[RegisterA7]);
  for (unsigned i = 0; i < 6; ++i) line.add(" %lx", frame.a(i));
  for (unsigned i = 0; i < 6; ++i)
    if (what.strings >> i & 1) add_string(line, i, frame.a(i));
  if (what.sent >= 0) add_buffer(line, unsigned(what.sent), frame.a(unsigned(what.sent)), frame.a(unsigned(what.sent) + 1));
  add_structures(line, behind, what, frame, nullptr);
  // rt_sigreturn(2) has no arguments: what it takes is on the stack.
  constexpr uint64_t SignalReturn = 139;
  if (frame.x[RegisterA7] == SignalReturn) line.add_memory(0, frame.x[RegisterSp] + offsetof(SignalFrame, context.mask), sizeof(SignalSet));
  if (what.counts >= 0 && what.pointers == Shown::Pointers::Strings && frame.a(unsigned(what.counts))) add_count(line, unsigned(what.counts), frame.a(unsigned(what.counts)), nullptr);
  line.send();
}

void trace_result(const Thread& thread, uint64_t number, uint64_t result) {
  // It ends before it is back in its program, as whoever traces it on Linux sees it.
  const Process& process = *thread.process;
  if ((process.exiting && process.survivor != &thread) || process.pending.set().has(sig::Kill)) return;
  const Shown& what = shown_of(number);
  Behind behind(thread);
  if (int64_t(result) >= 0 && what.pointers != Shown::Pointers::Strings) tell_behind(behind, thread, what, &result);
  Line line;
  line.add("strace< %x %lx %lx", unsigned(thread.tid), number, result);
  if (what.filled >= 0 && int64_t(result) > 0) add_buffer(line, unsigned(what.filled), thread.frame.a(unsigned(what.filled)), result);
  if (int64_t(result) >= 0) {
    add_structures(line, behind, what, thread.frame, &result);
    if (what.counts >= 0 && what.pointers == Shown::Pointers::None) add_count(line, unsigned(what.counts), thread.frame.a(unsigned(what.counts)), &result);
  }
  line.send();
}

void trace_signal(const Thread& thread, const SignalInfo& info) {
  Line line;
  line.add("strace! %x %x=", unsigned(thread.tid), unsigned(info.number));
  for (const std::byte byte : std::as_bytes(std::span(&info, 1))) line.add("%02x", unsigned(byte));
  line.send();
}

void trace_stop(const Thread& thread) {
  Line line;
  line.add("strace! %x %x=", unsigned(thread.tid), unsigned(thread.process->stop_signal));
  line.send();
}

void trace_end(const Thread& thread, int status, bool last) {
  Line line;
  line.add("strace. %x %x %x %u", unsigned(thread.tid), unsigned(thread.process->pid), unsigned(status), unsigned(last));
  line.send();
}

}  // namespace pl
