// SPDX-License-Identifier: BSD-2-Clause
// Payloads of the frames that carry more than a number.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frame.h"

namespace pl::machine {

// A command line longer than this is refused, as execve(2) would with E2BIG.
inline constexpr size_t kMaxSpawn = 4 * 1024 * 1024;

struct Hello {
  uint32_t version = kProtocolVersion;
  std::string fingerprint;  // client: of the settings and images that it sees; empty if it does not care
  std::string text;         // daemon: place of the log; agent: kernel release
};

enum class Refusal : uint8_t {
  kVersion = 1,     // another protocol version
  kOutdated = 2,    // the machine has older settings or images and is idle: it stops now; start a new one
  kBusy = 3,        // stop: commands are running
  kStopping = 4,    // the machine is on its way down; start a new one
  kProtocol = 5,    // a frame that makes no sense here
};

struct Refused {
  Refusal reason = Refusal::kProtocol;
  std::string text;
};

struct WindowSize {
  uint16_t rows = 0;
  uint16_t columns = 0;
  uint16_t width = 0;   // pixels
  uint16_t height = 0;  // pixels
};

// Who a command runs as: from SO_PEERCRED and SO_PEERGROUPS, never from the client's own words.
struct Identity {
  uint32_t user = 0;
  uint32_t group = 0;
  std::vector<uint32_t> groups;
};

// struct termios of Linux's asm-generic ABI, which x86-64 and riscv64 share.
struct TerminalModes {
  uint32_t input = 0;
  uint32_t output = 0;
  uint32_t control = 0;
  uint32_t local = 0;
  std::array<uint8_t, 19> characters{};
};

struct Spawn {
  std::vector<std::string> arguments;    // [0] is also the program: a path, or a name looked for in PATH
  std::vector<std::string> environment;  // NAME=VALUE
  std::string directory;                 // on the host; empty: /
  uint32_t file_mask = 022;
  uint8_t terminals = 0;                 // bit n: descriptor n is a terminal
  uint8_t absent = 0;                    // bit n: descriptor n is closed
  WindowSize window;
  TerminalModes modes;                   // of descriptor 0, if that is a terminal
};

struct Failure {
  uint32_t error = 0;  // errno
  std::string text;
};

struct SignalRequest {
  uint32_t number = 0;
  uint8_t group = 0;  // 1: to the command's process group, as a terminal does; 0: to the command
};

struct Exit {
  uint32_t status = 0;    // as waitpid() gives it
  uint64_t consumed = 0;  // bytes of standard input that somebody inside has read
};

// What the driver says about its pool, and the monitor about its enclaves (struct pl_ioc_stat). All zero without a driver.
struct Pool {
  uint64_t size = 0;
  uint64_t free = 0;
  uint64_t largest = 0;  // piece that is free
  uint64_t enclaves = 0;
  uint64_t templates = 0;
  uint64_t forks = 0;    // since power-on
};

Bytes encode(const Hello&);
Bytes encode(const Refused&);
Bytes encode(const WindowSize&);
Bytes encode(const Identity&);
Bytes encode(const Spawn&);
Bytes encode(const Failure&);
Bytes encode(const SignalRequest&);
Bytes encode(const Exit&);
Bytes encode(const Pool&);
Bytes encode_number(uint32_t value);
Bytes encode_text(std::string_view text);

// Nothing if the payload is not exactly one such message.
template <typename Message>
std::optional<Message> decode(std::span<const std::byte> payload);
std::optional<uint32_t> decode_number(std::span<const std::byte> payload);
// Text is shown to people: it is taken as it is, whatever it holds.
std::string decode_text(std::span<const std::byte> payload);

}  // namespace pl::machine
