// SPDX-License-Identifier: BSD-2-Clause
// All instances of a process on one device and one thread: each is a job from its launch to its end.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "run/recipe.h"
#include "server/invocation.h"
#include "server/server.h"

namespace pl {

// Where a standard stream of an instance leads. Neither: it is closed.
struct Endpoint {
  int descriptor = -1;         // stays the caller's
  Channel* channel = nullptr;  // likewise
};

// What the monitor says an instance holds, and what the server has seen of it.
struct Figures {
  uint64_t id = 0, private_bytes = 0, shared_bytes = 0;
  uint64_t ocalls = 0;
  uint32_t pages_in_use = 0;  // the enclave's own account, at its end
  uint64_t age = 0;           // nanoseconds since its launch
  bool waiting = false;       // for something outside
};

struct Job {
  Recipe* recipe = nullptr;  // null: `template_id` is forked
  uint64_t template_id = 0;
  Invocation invocation;
  std::array<Endpoint, 3> streams;
  uint64_t memory = 0;                // bytes; 0: as its template
  uint64_t timeout_milliseconds = 0;  // 0: none
  uint32_t index = 0;                 // for the caller
  Say say = {};                       // gets what its enclave has to say; empty: the runtime's does
  DebuggerPort* debugger = nullptr;   // of a debug enclave

  // At the end.
  Failure result{};      // exit status, and what there is to say
  int signal = 0;        // that ended the program; 0: none did
  bool no_room = false;  // it never ran: the pool was full
  Figures last;          // before its memory was given back, if Runtime::keep_figures()

  // The runtime's.
  std::optional<WindowPiece> piece;
  std::optional<Instance> instance;
  uint64_t started = 0, deadline = 0;  // CLOCK_MONOTONIC nanoseconds; deadline 0: none
  bool overdue = false, stopping = false, made_anew = false;
};

class Runtime {
 public:
  // `windows` is the memory for windows, in bytes. `say` gets what enclaves have to say.
  static OrFailure<std::unique_ptr<Runtime>> open(uint64_t windows, Say say);
  Runtime(Device device, Say say);
  Runtime(const Runtime&) = delete;

  Device& device() { return device_; }
  Server& server() { return server_; }
  // As for Server; before the first launch.
  void hear(Signals& signals) { server_.hear(signals); }

  // Starts one, which the caller keeps until next() has given it back.
  OrFailure<void> launch(Job& job);
  // Until one ends. Requires one.
  Job& next() { return *next_until(0); }
  // The same until this time of CLOCK_MONOTONIC (nanoseconds; 0: for ever): null.
  Job* next_until(uint64_t until);
  // Until this one has ended; others that end meanwhile are given back by next().
  void finish(Job& job);
  // Those that are under way.
  const std::vector<Job*>& running() const { return running_; }

  void signal(Job& job, int number) { server_.signal(*job.instance, number); }
  void kill(Job& job) { server_.kill(*job.instance); }
  // Asks one to end by this signal, and makes it a little later.
  void stop(Job& job, int number);
  Figures inspect(const Job& job);
  void keep_figures() { server_.keep_ended(); }

  // Names the templates that gave way so that this process had room, since it was last called.
  void tell_evicted(const Say& say);

 private:
  const Say& say_of(const Instance& instance) const;
  OrFailure<void> enter(Job& job);
  void look_at_deadlines();
  void set_timer(uint64_t until);
  void end(Job& job, const Ending& ending);

  Device device_;
  Say say_;
  Server server_;
  std::vector<Job*> running_, ended_;
  uint64_t evicted_ = 0, until_ = 0;
};

}  // namespace pl
