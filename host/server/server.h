// SPDX-License-Identifier: BSD-2-Clause
// The loop: enters instances, serves what they ask when they leave, and waits for what they wait for. One thread serves all
// instances of a process; those that wait cost it nothing until there is news for them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "device/device.hpp"
#include "server/instance.h"
#include "server/interruption.h"
#include "server/readiness.h"
#include "server/signals.h"

namespace pl {

// How an instance ended, or why it does not go on. Nothing is left of it but its window, except after Frozen, and after Exited and Fault with keep_ended(): then
// its handle is still there, the caller's to destroy. After Relay, `handle` says which it is; it stays the server's.
struct Ending {
  enum class Kind : uint8_t {
    Exited,    // detail: the libOS's status
    Fault,     // detail: PL_FAULT_*
    Frozen,    // it is a template now
    Protocol,  // it broke the ring
    Starved,   // the pool could not give what it needs
    Timeout,   // see Server::set_timeout
    Killed,    // Server::kill()
    Failed,    // detail: errno of the device
    Relay,     // no end: it has handed its relay window back, and waits for resume()
    Interrupted,  // no end: see Server::set_interruption
  };
  Kind kind;
  uint64_t detail = 0;
  Instance* instance = nullptr;
  int handle = -1;
};

// What a fork is given to share with the host.
struct Windows {
  pl_ioc_window ocall, shared{}, relay{};  // by place in the arena
  Windows(pl_ioc_window only) : ocall(only) {}
  Windows(pl_ioc_window ocall, pl_ioc_window shared, pl_ioc_window relay) : ocall(ocall), shared(shared), relay(relay) {}
};

class Server {
 public:
  using Log = std::function<void(Instance&, std::string_view line)>;

  // `signals` may be null: then nothing is forwarded, and an instance that only computes is disturbed by others whose turn it is
  // and by a timeout, but not by its polls.
  Server(Device& device, Signals* signals, Log log);
  ~Server();

  // Signals are heard from now on; before the first instance.
  void hear(Signals& signals) { signals_ = &signals; }
  // Called within next() after a signal, an alarm or SIGIO. It may use all that is public here but next().
  void on_attention(std::function<void()> hook) { hook_ = std::move(hook); }

  // Instances run within next(). Window, instance and its descriptors outlive them. The first added is in the foreground, unless
  // nobody is to be.
  void have_no_foreground() { has_foreground_ = false; }
  void add_fork(Instance& instance, uint64_t template_id, const Windows& windows, uint64_t memory_limit);
  void add_enclave(Instance& instance, int handle);

  // Until one ends. Requires one.
  Ending next();

  // For the instances that are added from now on: what has ended is kept, so that it can be inspected.
  void keep_ended() { run_flags_ = 0; }

  // next() ends with Timeout at this time of CLOCK_MONOTONIC, with every instance still there; 0: never.
  void set_timeout(uint64_t monotonic);
  // next() ends with Interrupted once that was asked for, with every instance still there. For a server of one instance.
  void set_interruption(Interruption* interruption) { interruption_ = interruption; }
  // After Relay: the window is the enclave's again, as far as the device is concerned.
  void resume(Instance& instance);
  // Ends an instance by force. kill(): and next() tells of it.
  void end(Instance& instance);
  void kill(Instance& instance);
  // One of PL_SIGNALS, as a terminal would send it.
  void signal(Instance& instance, int number);

  struct Look {
    int handle = -1;  // -1: there is no enclave yet
    bool idle = false;
  };
  Look look_at(const Instance& instance) const;

 private:
  struct Running : Readiness::Waiter {
    Instance* instance;
    pl_ioc_run run{};
    pl_ioc_spawn spawn{};
    bool spawned = true;  // false: the fork is still to be made
    bool idle = false;    // waits for news, an event or its deadline; otherwise it is ready
    uint64_t deadline = ~uint64_t{0};  // of idle, CLOCK_MONOTONIC nanoseconds
    uint64_t starving_since = 0;
  };
  Running& add(Instance& instance, int handle);
  void remove(Running& running);
  Ending run_to_an_end();
  bool step(Running& running, Ending& ending);
  int enter(Running& running);
  bool finish(Running& running, Ending& ending, Ending::Kind kind, uint64_t detail);
  // PL_RUN_TURN, where no alarm would tell that another waits for the hart, or that it is time.
  uint32_t turn_flag() const { return !signals_ && (running_.size() > 1 || timeout_) ? PL_RUN_TURN : 0; }
  void sleep(Running& running, uint64_t deadline);
  void wake(Running& running);
  void attend();
  void stop_if_asked();
  void watch(Running& running);
  void told(Running& running, int descriptor, uint32_t events);
  void wait();
  void collect();
  void look(int64_t nanoseconds, const sigset_t* mask);
  void wake_due();

  Device& device_;
  Signals* signals_;
  Interruption* interruption_ = nullptr;
  Log log_;
  Readiness readiness_;
  std::unordered_map<const Instance*, Running> running_;
  Running* foreground_ = nullptr;
  Readiness::Waiter interrupted_;
  bool has_foreground_ = true;
  std::function<void()> hook_;
  std::vector<Ending> killed_;  // for next() to tell
  std::deque<Running*> ready_;
  size_t round_ = 0;  // so many of the ready ones have their turn before there is another look for news
  std::set<std::pair<uint64_t, Running*>> deadlines_;  // of idle ones
  std::vector<pollfd> entries_;
  Alarm tick_, timeout_alarm_;
  bool alarmed_ = false;  // a signal or an alarm came since all were idle
  uint64_t timeout_ = 0;
  uint32_t run_flags_ = PL_RUN_DESTROY;
};

}  // namespace pl
