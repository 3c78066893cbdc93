// SPDX-License-Identifier: BSD-2-Clause
// One enclave's side of the server: its window, what it may name, and the polls that it has in flight. Knows no device: the
// loop in server.h enters and leaves.
#pragma once

#include <poll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/handles.h"
#include "server/terminal.h"
#include "server/window.h"

namespace pl {

class DebuggerPort;

// How an operation ended.
struct Outcome {
  int32_t result = 0;  // or -errno
  uint64_t value = 0;
  bool in_flight = false;  // no reply yet
};
inline Outcome failed(int error) { return {.result = -error}; }

class Instance {
 public:
  explicit Instance(std::span<std::byte> window) : window_(window) {}

  Window& window() { return window_; }
  HandleTable& handles() { return handles_; }
  Terminal& terminal() { return terminal_; }

  // Serves every request in the ring.
  enum class Served : uint8_t { Nothing, Replied, Broken };  // Broken: the enclave broke the protocol (see broken())
  Served serve();
  const std::string& broken() const { return broken_; }

  // True if something outside may concern it: polls in flight, readiness asked for.
  bool waiting() const { return polls_in_flight_ != 0 || !notices_.empty(); }
  // Appends what to watch. Only when asked for the first time since that changed: what was told before still holds.
  void watch(std::vector<pollfd>& entries);
  // These events hold on a descriptor that was to be watched, which is watched no longer. True: there is news in the window.
  bool deliver(int descriptor, uint32_t events);

  // The relay window: until it is allowed, an enclave that hands it back is told ENOSYS. What was handed back is the host's until
  // return_relay(), and the enclave is not to be entered before.
  void allow_relay() { relay_allowed_ = true; }
  bool relay_is_back() const { return relay_.has_value(); }
  void return_relay();

  // A debug enclave's debugger, who outlives this; without one it is told ENOSYS. An enclave that asks it is not to be entered before
  // the answer: it is held.
  void be_debugged(DebuggerPort& debugger) { debugger_ = &debugger; }
  bool is_held() const { return held_.has_value(); }

  // For the operations.
  Outcome start_debug(const pl_request& request);
  Outcome start_relay(const pl_request& request);
  Outcome start_poll(const pl_request& request);
  Outcome cancel_poll(const pl_request& request);
  void notify_when(uint32_t handle, uint32_t events);

  // Lines that the enclave left for the user since last asked; empty when none.
  std::string take_log();
  // Requests served so far.
  uint32_t ocalls() const { return request_head_; }
  uint32_t pages_in_use() const { return Window::load(window_.ring().pages); }
  std::string panic_text() const { return Window::printable(window_.ring().panic, sizeof(pl_ring::panic)); }

 private:
  struct Poll {
    uint16_t generation;
    uint32_t handle, events;
  };
  struct Notice {
    uint32_t handle, events;
  };
  Served break_off(const char* why);
  void take_debugger_news();
  void reply(uint16_t slot, uint16_t generation, const Outcome& outcome);
  int descriptor_of(uint32_t handle) const;

  Window window_;
  mutable HandleTable handles_;
  Terminal terminal_;
  // Our own copies: what stands in the window is never read back.
  uint32_t request_head_ = 0, reply_tail_ = 0;
  std::array<Poll, PL_RING_ENTRIES> polls_{};
  uint32_t polls_in_flight_ = 0;  // bit n: slot n
  std::vector<Notice> notices_;
  bool watch_changed_ = false;
  bool relay_allowed_ = false;
  std::optional<std::pair<uint16_t, uint16_t>> relay_;  // slot and generation of the request
  DebuggerPort* debugger_ = nullptr;
  struct Held {
    uint16_t slot, generation;
    std::span<std::byte> buffer;
  };
  std::optional<Held> held_;
  std::string broken_;
};

}  // namespace pl
