// SPDX-License-Identifier: BSD-2-Clause
#include "server/interruption.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "penglai/ioctl.h"

namespace pl {
namespace {

// Whose server this thread is in, for the handler.
thread_local std::atomic<Interruption*> current{nullptr};

}  // namespace

void Interruption::handle(int) {
  Interruption* here = current.load();
  if (!here || !here->asked()) return;
  for (auto* place : {&here->run_flags_, &here->spawn_flags_})
    if (uint32_t* flags = place->load()) std::atomic_ref(*flags).fetch_or(PL_RUN_RETURN);
}

Interruption::Interruption() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction before {};
    sigaction(SIGURG, nullptr, &before);
    if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return;  // the process has another use for it
    struct sigaction action {};
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    sigaction(SIGURG, &action, nullptr);
  });
}

Interruption::~Interruption() {
  if (event_ >= 0) close(event_);
}

void Interruption::ask() {
  std::lock_guard guard(lock_);
  asked_.store(true);
  const uint64_t one = 1;
  [[maybe_unused]] auto written = write(event_, &one, sizeof one);  // full: it is readable
  if (inside_) pthread_kill(thread_, SIGURG);
}

void Interruption::clear() {
  std::lock_guard guard(lock_);
  asked_.store(false);
  uint64_t count;
  [[maybe_unused]] auto got = read(event_, &count, sizeof count);
}

void Interruption::enter(uint32_t* run_flags, uint32_t* spawn_flags) {
  std::lock_guard guard(lock_);
  inside_ = run_flags != nullptr;
  thread_ = pthread_self();
  run_flags_.store(run_flags);
  spawn_flags_.store(spawn_flags);
  current.store(inside_ ? this : nullptr);
}

}  // namespace pl
