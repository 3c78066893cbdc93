// SPDX-License-Identifier: BSD-2-Clause
#include "gdb/packet.h"

#include <fmt/format.h>

#include <algorithm>

namespace pl::gdb {
namespace {

constexpr char kInterrupt = 3;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

uint8_t checksum(std::string_view text) {
  unsigned sum = 0;
  for (char c : text) sum += static_cast<unsigned char>(c);
  return static_cast<uint8_t>(sum);
}

}  // namespace

std::optional<PacketReader::Event> PacketReader::take(char byte) {
  switch (state_) {
    case State::Outside:
      if (byte == '$') {
        raw_.clear();
        too_long_ = false;
        state_ = State::Inside;
      } else if (byte == kInterrupt) {
        return Event{Event::Interrupt, {}};
      } else if (byte == '-') {
        return Event{Event::Repeat, {}};
      }
      return std::nullopt;
    case State::Inside:
      if (byte == '#') state_ = State::FirstDigit;
      else if (byte == '$') raw_.clear();  // the end of the one before was lost
      else if (raw_.size() < 2 * kPacketMax) raw_ += byte;
      else too_long_ = true;
      return std::nullopt;
    case State::FirstDigit:
      digit_ = byte;
      state_ = State::SecondDigit;
      return std::nullopt;
    case State::SecondDigit: break;
  }
  state_ = State::Outside;
  const int high = digit_of(digit_), low = digit_of(byte);
  if (too_long_ || high < 0 || low < 0 || checksum(raw_) != high * 16 + low) return Event{Event::Damaged, {}};
  return Event{Event::Packet, unescaped(raw_)};
}

std::string framed(std::string_view payload) { return fmt::format("${}#{:02x}", payload, checksum(payload)); }

std::string escaped(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::byte byte : bytes) {
    const char c = static_cast<char>(byte);
    if (c == '$' || c == '#' || c == '}' || c == '*') {
      text += '}';
      text += static_cast<char>(c ^ 0x20);
    } else {
      text += c;
    }
  }
  return text;
}

std::string unescaped(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '}' && at + 1 < text.size()) plain += static_cast<char>(text[++at] ^ 0x20);
    else plain += text[at];
  }
  return plain;
}

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (std::byte byte : bytes) {
    text += kDigits[static_cast<unsigned>(byte) >> 4];
    text += kDigits[static_cast<unsigned>(byte) & 15];
  }
  return text;
}

std::string to_hex(std::string_view text) { return to_hex(std::as_bytes(std::span(text))); }

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
  if (text.size() % 2) return std::nullopt;
  std::vector<std::byte> bytes(text.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::byte>(high * 16 + low);
  }
  return bytes;
}

std::optional<uint64_t> take_hex(std::string_view& text) {
  uint64_t value = 0;
  size_t count = 0;
  while (count < text.size() && digit_of(text[count]) >= 0) {
    if (count == 16) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(digit_of(text[count++]));
  }
  if (!count) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace pl::gdb
