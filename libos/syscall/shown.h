// SPDX-License-Identifier: BSD-2-Clause
// What a debug enclave tells of each call's arguments (syscall/trace.cpp), found from the table's types and names when this is compiled.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "net/abi.h"
#include "syscall/table.h"

namespace pl {

// Which arguments of a call are worth showing by content, told from the names of its parameters.
struct Shown {
  uint8_t strings = 0;           // bit n: argument n is a string
  int8_t sent = -1, filled = -1; // a buffer that the call reads, or fills
  // Structures: how many words of 4 bytes an argument points to, read by the call (none: 0) or filled by it.
  uint8_t words[6] = {};
  static constexpr uint8_t Filled = 0x80, Words = 0x3f;
  uint8_t counted = 0;           // bit n: it is an array, and the next argument its length
  uint8_t sized = 0;             // bit n: the next argument is its size in bytes
  uint8_t sets = 0;              // bit n: it is an fd_set of as many descriptors as the first argument says
  // The argument whose structures have pointers, and of what kind they are.
  enum class Pointers : uint8_t { None, Vectors, Message, Messages, Strings, Mask } pointers = Pointers::None;
  uint8_t pointing = 0;
  int8_t counts = -1;            // an argument of which only the count is told
  bool sends = false;            // what the call moves is there before it
  constexpr bool operator==(const Shown&) const = default;
};
constexpr size_t MostBytes = 128;        // of a structure

template <class T> constexpr uint8_t words_of = 0;
template <class T> constexpr uint8_t size_in_words = uint8_t(std::min(sizeof(T), MostBytes) / 4);
template <class T> constexpr uint8_t words_of<UserIn<T>> = size_in_words<T>;
template <class T> constexpr uint8_t words_of<UserOut<T>> = size_in_words<T> | Shown::Filled;

template <class T> constexpr Shown::Pointers pointers_of = Shown::Pointers::None;
template <> constexpr Shown::Pointers pointers_of<UserIn<IoVector>> = Shown::Pointers::Vectors;
template <> constexpr Shown::Pointers pointers_of<UserIn<MessageHeader>> = Shown::Pointers::Message;
template <> constexpr Shown::Pointers pointers_of<UserIn<ManyMessageHeader>> = Shown::Pointers::Messages;

constexpr bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  for (std::string_view each : list)
    if (word == each) return true;
  return false;
}

template <class... A>
constexpr Shown shown(std::string_view call, std::string_view parameters, Result (*)(A...)) {
  Shown result;
  constexpr uint8_t typed[] = {words_of<A>..., 0};
  constexpr Shown::Pointers pointing[] = {pointers_of<A>..., Shown::Pointers::None};
  auto points = [&](unsigned i, Shown::Pointers kind) { result.pointers = kind, result.pointing = uint8_t(i); };
  for (unsigned i = 0; i < sizeof...(A); ++i) {
    if (pointing[i] != Shown::Pointers::None) points(i, pointing[i]);
    else result.words[i] = typed[i];
  }
  result.sends = call.find("write") != call.npos || call.starts_with("send") || call == "vmsplice";
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
    if (call == "utimensat" && one.ends_with(" times")) result.words[i] = 8;
    if (call == "futex" && one.ends_with(" timeout")) result.words[i] = 4;
    if (call == "prctl" && one.ends_with(" a")) result.words[i] = 4;  // a name, or a number; of most options nothing
    if (!one.starts_with(Type)) continue;
    const std::string_view name = one.substr(Type.size());
    if (call == "pselect6" && is_one_of(name, {"read", "write", "except"})) result.words[i] = 32, result.sets |= uint8_t(1 << i);
    else if (call == "pselect6" && name == "mask") result.words[i] = 4, points(i, Shown::Pointers::Mask);
    else if (name == "arguments" && next == "environment") points(i, Shown::Pointers::Strings);
    else if (name == "environment" || call == "getdents64") result.counts = int8_t(i);
    else if (name == "value" && call == "setsockopt") result.words[i] = 1, result.sized |= uint8_t(1 << i);
    else if (name == "value" && call == "getsockopt") result.words[i] = 1 | Shown::Filled;
    else if (name == "parent_tid") result.words[i] = 1 | Shown::Filled;
    else if (name == "entries") result.words[i] = 2, result.counted |= uint8_t(1 << i);
    else if (name == "timeout" || name == "left") result.words[i] = 4;
    else if (name == "length") result.words[i] = 1;
    else if (name == "argument" && call == "ioctl") result.words[i] = 9 | Shown::Filled;
    else if (name == "arguments" && next == "size") result.words[i] = 22;
    else if (name == "address" && next == "length") result.words[i] = 28 | Shown::Filled;
    else if (name == "address" && is_one_of(call, {"bind", "connect", "sendto"})) result.words[i] = 28, result.sized |= uint8_t(1 << i);
    else if (is_one_of(name, {"path", "target", "name", "source", "type", "from", "to", "new_root", "old_root"})) result.strings |= uint8_t(1 << i);
    else if (name == "buffer") (result.sends ? result.sent : result.filled) = int8_t(i);
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

// Most calls are shown like others: few differ, and a byte says which a call is like.
constexpr size_t distinct = [] {
  size_t count = 0;
  for (const Shown* each = shown_of_call; each != std::end(shown_of_call); ++each) count += std::find(shown_of_call, each, *each) == each;
  return count;
}();
static_assert(distinct < 256);

struct Kinds {
  Shown kinds[distinct];
  uint8_t kind_of_call[SystemCallLimit + 1] = {};
};
constexpr Kinds shown_kinds = [] {
  Kinds result;
  Shown* end = result.kinds;
  for (size_t call = 0; call <= SystemCallLimit; ++call) {
    Shown* same = std::find(result.kinds, end, shown_of_call[call]);
    if (same == end) *end++ = shown_of_call[call];
    result.kind_of_call[call] = uint8_t(same - result.kinds);
  }
  return result;
}();

inline const Shown& shown_of(uint64_t number) { return shown_kinds.kinds[shown_kinds.kind_of_call[number < SystemCallLimit ? number : SystemCallLimit]]; }

}  // namespace pl
