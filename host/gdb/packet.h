// SPDX-License-Identifier: BSD-2-Clause
// GDB's remote serial protocol on the wire (GDB manual, appendix E.1): packets, acknowledgements, hexadecimal. What is read here comes
// from whoever has connected, and may be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pl::gdb {

constexpr size_t kPacketMax = 0x4000;  // as we say in qSupported

// Bytes in, packets out.
class PacketReader {
 public:
  struct Event {
    enum Kind : uint8_t { Packet, Interrupt, Damaged, Repeat } kind;  // Interrupt: ^C; Damaged: to be sent again; Repeat: ours was
    std::string text;  // without the frame, escapes undone
  };
  // Of one byte.
  std::optional<Event> take(char byte);

 private:
  enum class State : uint8_t { Outside, Inside, FirstDigit, SecondDigit } state_ = State::Outside;
  std::string raw_;  // as it came, which is what the checksum counts
  bool too_long_ = false;
  char digit_ = 0;
};

std::string framed(std::string_view payload);
// A '}' and the byte xor 0x20 for what cannot stand in a packet.
std::string escaped(std::span<const std::byte> bytes);
std::string unescaped(std::string_view text);

std::string to_hex(std::span<const std::byte> bytes);
std::string to_hex(std::string_view text);
std::optional<std::vector<std::byte>> from_hex(std::string_view text);
// The digits at the start, taken off; none, or more than 16: nothing.
std::optional<uint64_t> take_hex(std::string_view& text);
// Takes `word` off the start, if it is there.
bool take_word(std::string_view& text, std::string_view word);

}  // namespace pl::gdb
