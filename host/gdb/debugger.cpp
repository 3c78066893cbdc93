// SPDX-License-Identifier: BSD-2-Clause
#include "gdb/debugger.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "debug/account.h"

namespace pl {
namespace {

constexpr uint32_t kWantedAlone = 1u << PL_STOP_FATAL | 1u << PL_STOP_INTERRUPT;
constexpr int kTrap = 5;

void send_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // gone, which reading will tell
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

}  // namespace

Debugger::Debugger(Descriptor listener, Print print)
    : listener_(std::move(listener)), print_(std::move(print)), serves_gdb_(listener_.get() >= 0) {
  // Signals are for the thread that serves.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Debugger::~Debugger() { finish(0, 0); }

void Debugger::finish(int status, int signal) {
  if (!thread_.joinable()) return;
  link_.end(status, signal);
  thread_.join();
}

void Debugger::run() {
  for (;;) {
    // Before a program that runs has stopped for it, GDB is not listened to.
    const bool hears = session_ && (session_->is_stopped() || !waiting_for_first_stop_);
    pollfd entries[] = {{link_.debugger_descriptor(), POLLIN, 0},
                        {connection_.get() < 0 && !abandoning_ ? listener_.get() : -1, POLLIN, 0},
                        {hears ? connection_.get() : -1, POLLIN, 0}};
    if (poll(entries, std::size(entries), -1) < 0) continue;
    if (entries[0].revents) {
      if (auto stop = link_.take_stop()) handle_stop(*stop);
      if (link_.take_give_up() && waiting_ && !session_) {
        listener_ = Descriptor();
        resume_alone();
      }
      if (auto end = link_.ended()) {
        if (session_) session_->ended(end->status, end->signal);
        return;
      }
    }
    if (entries[1].revents) greet();
    if (entries[2].revents) hear();
  }
}

void Debugger::handle_stop(const pl_debug_stop& stop) {
  started_ = true;
  const bool told = session_ && !abandoning_;
  if (stop.reason == PL_STOP_FATAL) {
    // GDB has seen what a process dies of that it follows.
    if (!told || !session_->follows(stop.pid)) print_account(link_, stop, print_);
    if (told) return session_->died(stop);
    link_.resume({stop.signal, 0, false, kWantedAlone});
    return;
  }
  waiting_ = stop;
  if (abandoning_) {
    abandoning_ = false;
    session_->abandon(stop);
    session_.reset();
    resume_alone();
  } else if (session_) {
    waiting_for_first_stop_ = false;
    waiting_.reset();
    session_->stopped(stop);
    if (session_->is_done()) hang_up();
  } else if (!serves_gdb_ || stop.reason != PL_STOP_START) {
    resume_alone();
  } else {
    link_.look_for_signals();
  }
}

// A signal that it was about to take is its own, but for one of a breakpoint.
void Debugger::resume_alone() {
  const bool takes = waiting_ && waiting_->reason == PL_STOP_SIGNAL && !(waiting_->signal == kTrap && waiting_->code > 0);
  const int signal = takes ? waiting_->signal : 0;
  waiting_.reset();
  link_.resume({signal, 0, false, kWantedAlone});
}

void Debugger::greet() {
  connection_ = Descriptor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (connection_.get() < 0) return;
  gdb::Session::Control control{[this](const Resumption& resumption) { link_.resume(resumption); }, [this] { link_.interrupt(); },
                                [this] { link_.kill(); }};
  session_.emplace(link_, std::move(control), [this](std::string_view bytes) { send_all(connection_.get(), bytes); });
  waiting_for_first_stop_ = !waiting_;
  if (waiting_) session_->begin(*std::exchange(waiting_, std::nullopt));
  else if (started_) link_.interrupt();
}

void Debugger::hear() {
  char bytes[4096];
  const ssize_t got = recv(connection_.get(), bytes, sizeof bytes, 0);
  if (got < 0 && errno == EINTR) return;
  if (got > 0 && session_->take(std::string_view(bytes, static_cast<size_t>(got)))) return;
  hang_up();
}

void Debugger::hang_up() {
  connection_ = Descriptor();
  if (session_->is_done()) {  // it goes on, or has been killed
    session_.reset();
    return;
  }
  if (session_->is_stopped()) {
    // Whoever connects next finds it as it is.
    session_->let_go();
    waiting_ = session_->stop();
    session_.reset();
    return;
  }
  abandoning_ = true;
  link_.interrupt();
}

}  // namespace pl
