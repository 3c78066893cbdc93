// SPDX-License-Identifier: BSD-2-Clause
#include "process/stack.h"

#include <cstring>

namespace pl {

namespace {

// Collects small writes into copies of up to half a kilobyte.
class Writer {
 public:
  explicit Writer(uint64_t at) : at_(at) {}
  [[gnu::always_inline]] ErrorOr<void> put(const void* from, size_t bytes) {
    if (bytes > sizeof(buffer_) - used_) return put_in_parts(from, bytes);
    memcpy(buffer_ + used_, from, bytes);
    used_ += bytes;
    return {};
  }
  [[gnu::noinline]] ErrorOr<void> put_in_parts(const void* from, size_t bytes) {
    const char* p = static_cast<const char*>(from);
    while (bytes) {
      if (used_ == sizeof(buffer_)) TRY(flush());
      size_t n = bytes < sizeof(buffer_) - used_ ? bytes : sizeof(buffer_) - used_;
      memcpy(buffer_ + used_, p, n);
      used_ += n;
      p += n;
      bytes -= n;
    }
    return {};
  }
  // Words come before everything else, so that they lie aligned in the buffer.
  [[gnu::always_inline]] ErrorOr<void> word(uint64_t value) {
    if (used_ == sizeof(buffer_)) TRY(flush());
    *reinterpret_cast<uint64_t*>(buffer_ + used_) = value;
    used_ += sizeof(value);
    return {};
  }
  // A few: what is between things that are aligned.
  ErrorOr<void> zeros_until(uint64_t address) {
    while (at_ + used_ < address) {
      if (used_ % 8 == 0 && address - (at_ + used_) >= 8) {
        TRY(word(0));
        continue;
      }
      if (used_ == sizeof(buffer_)) TRY(flush());
      buffer_[used_++] = 0;
    }
    return {};
  }
  ErrorOr<void> flush() {
    TRY(copy_to_user(UserAddress(at_), buffer_, used_));
    at_ += used_;
    used_ = 0;
    return {};
  }

 private:
  uint64_t at_;
  size_t used_ = 0;
  alignas(16) char buffer_[512];
};

// The pointers to strings that will lie at `at` upwards.
ErrorOr<uint64_t> put_pointers(Writer& writer, const ArgumentStrings& strings, uint64_t at) {
  bool start = true;
  TRY(strings.for_each_piece([&](std::string_view piece) -> ErrorOr<void> {
    for (size_t i = 0; i < piece.size();) {
      if (start) TRY(writer.word(at + i));
      size_t end = piece.find('\0', i);
      start = end != piece.npos;
      i = start ? end + 1 : piece.size();
    }
    at += piece.size();
    return {};
  }));
  return at;
}

ErrorOr<void> put_strings(Writer& writer, const ArgumentStrings& strings) {
  return strings.for_each_piece([&](std::string_view piece) { return writer.put(piece.data(), piece.size()); });
}

}  // namespace

StackLayout StackLayout::make(uint64_t top, size_t arguments, size_t environment, size_t auxiliary_entries, size_t argument_bytes,
                              size_t environment_bytes, size_t name_bytes) {
  StackLayout l;
  l.end = top - 8;  // a null word ends it all
  l.name = l.end - name_bytes;
  l.environment_strings = l.name - environment_bytes;
  l.strings = l.environment_strings - argument_bytes;
  l.random = (l.strings - 16) & ~uint64_t(15);
  uint64_t words = 1 + arguments + 1 + environment + 1;
  l.sp = (l.random - auxiliary_entries * sizeof(AuxiliaryEntry) - words * 8) & ~uint64_t(15);
  l.auxiliary = l.sp + words * 8;
  return l;
}

ErrorOr<StackLayout> write_stack(UserAddress top, const StackContents& c) {
  size_t script_count = c.script ? c.script->count() : 0, script_bytes = c.script ? c.script->bytes() : 0;
  size_t argument_count = script_count + c.arguments.count();
  size_t entries = c.auxiliary_count + 3;
  auto l = StackLayout::make(top.value, argument_count, c.environment.count(), entries, script_bytes + c.arguments.bytes(),
                             c.environment.bytes(), c.executable_name.size() + 1);
  TRY(populate_user(UserAddress(l.sp), top.value - l.sp));
  Writer writer(l.sp);
  TRY(writer.word(argument_count));
  uint64_t at = l.strings;
  if (c.script) at = TRY(put_pointers(writer, *c.script, at));
  TRY(put_pointers(writer, c.arguments, at));
  TRY(writer.word(0));
  TRY(put_pointers(writer, c.environment, l.environment_strings));
  TRY(writer.word(0));
  TRY(writer.put(c.auxiliary, c.auxiliary_count * sizeof(AuxiliaryEntry)));
  const AuxiliaryEntry last[3] = {{auxiliary::Random, l.random}, {auxiliary::ExecutableName, l.name}, {auxiliary::Null, 0}};
  TRY(writer.put(last, sizeof(last)));
  TRY(writer.zeros_until(l.random));
  TRY(writer.put(c.random, sizeof(c.random)));
  TRY(writer.zeros_until(l.strings));
  if (c.script) TRY(put_strings(writer, *c.script));
  TRY(put_strings(writer, c.arguments));
  TRY(put_strings(writer, c.environment));
  TRY(writer.put(c.executable_name.data(), c.executable_name.size()));
  TRY(writer.zeros_until(top.value));
  TRY(writer.flush());
  return l;
}

size_t argument_block_bytes(const ArgumentStrings& arguments, const ArgumentStrings& environment) {
  return (arguments.count() + 1) * 8 + arguments.bytes() + environment.bytes();
}

ErrorOr<ArgumentPlaces> write_arguments(UserAddress at, UserAddress environment_at, size_t slots, const ArgumentStrings& arguments,
                                        const ArgumentStrings& environment) {
  if (environment.count() >= slots) return fail(Errno::TooBig);
  ArgumentPlaces places;
  places.strings = at.value + (arguments.count() + 1) * 8;
  Writer writer(at.value);
  places.environment_strings = TRY(put_pointers(writer, arguments, places.strings));
  places.end = places.environment_strings + environment.bytes();
  TRY(writer.word(0));
  TRY(put_strings(writer, arguments));
  TRY(put_strings(writer, environment));
  TRY(writer.flush());
  Writer pointers(environment_at.value);
  TRY(put_pointers(pointers, environment, places.environment_strings));
  for (size_t i = environment.count(); i < slots; i++) TRY(pointers.word(0));
  TRY(pointers.flush());
  return places;
}

}  // namespace pl
