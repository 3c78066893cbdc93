// SPDX-License-Identifier: BSD-2-Clause
// Frames: how several commands share one serial port, and how a client talks to the daemon. The daemon relays the frames of a
// command between its client's socket and the port, and rewrites only the session number.
//
//   0  u32 payload length (at most kMaxPayload)
//   4  u32 session (0: the daemon itself; a client always writes 0)
//   8  u8  type
//   9  u8  stream (Data, Credit, End, Close: a Stream; otherwise 0)
//  10  u16 reserved, zero
//  12  payload
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "bytes.h"

namespace pl::machine {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr size_t kHeaderSize = 12;
inline constexpr size_t kMaxPayload = 64 * 1024;

enum class Type : uint8_t {
  // client <-> daemon
  kHello = 1,    // client: Hello
  kWelcome,      // daemon: Hello; the machine may still be starting
  kRefused,      // daemon: Refused
  kGetStatus,    // client
  kStatus,       // daemon: JSON text
  kStop,         // client: u8, 1 to stop although commands run
  kStopped,      // daemon: the machine is off
  kLost,         // daemon: text, why the machine ended under a command
  kUp,           // daemon: the machine has booted; commands start now
  // daemon <-> agent
  kReady = 16,   // agent: Hello; sent once when it can run commands
  kPing,         // daemon: u64 nanoseconds of its real-time clock
  kPong,
  kPowerOff,
  kGetPool,
  kPool,         // agent: Pool
  kOpen,         // daemon: Identity of the session's client
  kHangup,       // daemon: the session's client is gone
  kGone,         // agent: nothing of the session is left
  // client <-> agent, relayed
  kSpawn = 32,   // client: a piece of Spawn; stream 1 marks the last piece
  kSpawned,      // agent: u32 process id, inside
  kFailed,       // agent: Failure; the session is over
  kData,         // either
  kCredit,       // receiver of a stream: u32 bytes that it has taken away
  kEnd,          // sender of a stream: end of file
  kClose,        // receiver of a stream: nobody reads it any more
  kSignal,       // client: SignalRequest
  kResize,       // client: WindowSize
  kSuspended,    // agent: u32 signal that stopped the command
  kExit,         // agent: Exit; the session is over
};

// kTerminal is what comes out of a command's pseudoterminal: its output there, and the echo of what is typed.
enum class Stream : uint8_t { kInput = 0, kOutput = 1, kError = 2, kTerminal = 3 };

enum class WireError { kTooLong, kBadType, kBadStream, kBadReserved };

struct Frame {
  Type type;
  uint8_t stream;
  uint32_t session;
  std::span<const std::byte> payload;  // valid until the reader's next space()
};

const char* describe(WireError error);

// Appends a frame to `out`.
void append(Bytes& out, Type type, uint32_t session, uint8_t stream, std::span<const std::byte> payload);
// Fills the 12 bytes at `header`.
void write_header(std::byte* header, Type type, uint32_t session, uint8_t stream, size_t length);

// Cuts a byte stream into frames.
class FrameReader {
 public:
  // Room to read into, never empty; says how much came with commit().
  std::span<std::byte> space();
  void commit(size_t size);
  // The next whole frame, nothing if more bytes are needed, or an error, after which the stream is of no use.
  std::expected<std::optional<Frame>, WireError> next();

 private:
  Bytes buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace pl::machine
