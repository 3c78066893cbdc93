// SPDX-License-Identifier: BSD-2-Clause
// The loop: enters instances, serves what they ask when they leave, and waits for what they wait for. One thread serves all
// instances of a process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "device/device.hpp"
#include "server/instance.h"
#include "server/signals.h"

namespace pl {

// How an instance ended. Nothing is left of it but its window, except after Frozen, and after Exited and Fault with keep_ended(): then
// its handle is still there, the caller's to destroy.
struct Ending {
  enum class Kind : uint8_t {
    Exited,    // detail: the libOS's status
    Fault,     // detail: PL_FAULT_*
    Frozen,    // it is a template now
    Protocol,  // it broke the ring
    Starved,   // the pool could not give what it needs
    Timeout,   // see Server::set_timeout
    Failed,    // detail: errno of the device
  };
  Kind kind;
  uint64_t detail = 0;
  Instance* instance = nullptr;
  int handle = -1;
};

class Server {
 public:
  using Log = std::function<void(Instance&, std::string_view line)>;

  // `signals` may be null: then nothing is forwarded, and an instance that only computes is not disturbed by its polls.
  Server(Device& device, Signals* signals, Log log);
  ~Server();

  // Instances run within next(). Both window and instance outlive them. The first added is in the foreground.
  void add_fork(Instance& instance, uint64_t template_id, pl_ioc_window window, uint64_t memory_limit);
  void add_enclave(Instance& instance, int handle);

  // Until one ends. Requires one.
  Ending next();

  // For the instances that are added from now on: what has ended is kept, so that it can be inspected.
  void keep_ended() { run_flags_ = 0; }

  // next() ends with Timeout at this time of CLOCK_MONOTONIC, with every instance still there; 0: never.
  void set_timeout(uint64_t monotonic);
  // Ends an instance by force.
  void end(Instance& instance);

 private:
  struct Running {
    Instance* instance;
    pl_ioc_run run{};
    pl_ioc_spawn spawn{};
    bool spawned = true;  // false: the fork is still to be made
    bool idle = false;
    uint64_t deadline = ~uint64_t{0};  // of idle, CLOCK_MONOTONIC nanoseconds
    uint64_t starving_since = 0;
  };
  void add(std::unique_ptr<Running> running);
  bool step(Running& running, Ending& ending);
  int enter(Running& running);
  bool finish(Running& running, Ending& ending, Ending::Kind kind, uint64_t detail);
  void attend();
  void stop_if_asked();
  void wait();
  void deliver();
  void collect();

  Device& device_;
  Signals* signals_;
  Log log_;
  std::vector<std::unique_ptr<Running>> running_;
  std::vector<pollfd> entries_;
  Alarm tick_, timeout_alarm_;
  uint64_t timeout_ = 0;
  uint32_t run_flags_ = PL_RUN_DESTROY;
};

}  // namespace pl
