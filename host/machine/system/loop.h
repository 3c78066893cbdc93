// SPDX-License-Identifier: BSD-2-Clause
// An epoll loop with timers: one thread, and nothing blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "descriptor.h"

namespace pl::machine {

class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  using Handler = std::function<void(uint32_t events)>;

  // Watches a descriptor while it lives. Must end before the descriptor is closed.
  class Watch {
   public:
    Watch() = default;
    Watch(Loop& loop, int fd, uint32_t events, Handler handler);
    Watch(Watch&& other) noexcept { *this = std::move(other); }
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { reset(); }
    // Asking for what is asked already costs nothing.
    void want(uint32_t events);
    void reset();
    explicit operator bool() const { return loop_ != nullptr; }

   private:
    Loop* loop_ = nullptr;
    int fd_ = -1;
    uint64_t id_ = 0;
    uint32_t events_ = 0;
  };

  Loop();
  void after(std::chrono::milliseconds delay, std::function<void()> action);
  void run();
  void stop() { running_ = false; }
  // Called after each round of events: the place to look whether something is to be done for the whole.
  void each_round(std::function<void()> action) { each_round_ = std::move(action); }

 private:
  Descriptor epoll_;
  // By number, not by pointer: an event may still be in hand when its watch has gone.
  std::unordered_map<uint64_t, std::shared_ptr<Handler>> handlers_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  std::function<void()> each_round_;
  uint64_t next_id_ = 1;
  bool running_ = true;
};

}  // namespace pl::machine
