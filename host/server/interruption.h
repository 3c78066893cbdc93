// SPDX-License-Identifier: BSD-2-Clause
// Gets a thread out of Server::next(), wherever it is: inside an enclave, waiting, or about to do either. Any thread may ask.
//
// A thread inside an enclave is told by a signal, SIGURG, which a process ignores that has no use for it; its handler is set with
// the first of these and stays. A signal that comes before the call sets PL_RUN_RETURN in its argument, a later one interrupts it.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace pl {

class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  void ask();
  bool asked() const { return asked_.load(); }
  // What was asked for has been done.
  void clear();

  // For the server, in the thread that runs it: where the flags of its next entry are. Null: there is none.
  void enter(uint32_t* run_flags, uint32_t* spawn_flags);
  // Readable while it was asked.
  int descriptor() const { return event_; }

 private:
  static void handle(int number);

  int event_;
  std::atomic<bool> asked_{false};
  std::mutex lock_;  // thread_ is alive while it is held
  pthread_t thread_{};
  bool inside_ = false;
  std::atomic<uint32_t*> run_flags_{nullptr}, spawn_flags_{nullptr};
};

}  // namespace pl
