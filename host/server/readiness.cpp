// SPDX-License-Identifier: BSD-2-Clause
#include "server/readiness.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace pl {

static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR && EPOLLHUP == POLLHUP);

Readiness::Readiness() : set_(epoll_create1(EPOLL_CLOEXEC)) {
  if (set_ < 0) error_ = errno;
}

Readiness::~Readiness() {
  if (set_ >= 0) close(set_);
}

int Readiness::arm(int descriptor, Entry& entry, uint32_t events) {
  epoll_event event{};
  event.events = events | EPOLLONESHOT;
  event.data.fd = descriptor;
  if (epoll_ctl(set_, entry.known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) < 0) return errno;
  entry.known = true;
  entry.armed = events;
  return 0;
}

uint32_t Readiness::watch(Waiter& waiter, int descriptor, uint32_t events) {
  if (descriptor < 0) return POLLERR;
  const auto number = static_cast<size_t>(descriptor);
  if (number >= entries_.size()) entries_.resize(number + 1);
  Entry& entry = entries_[number];
  if ((entry.armed & events) != events) {
    switch (arm(descriptor, entry, entry.armed | events)) {
      case 0: break;
      case EPERM: return events;  // epoll_ctl(2): a file of a kind that is always ready
      default: return POLLERR;
    }
  }
  auto own = std::ranges::find(waiter.watched_, descriptor, &Waiter::Watched::descriptor);
  if (own == waiter.watched_.end()) own = waiter.watched_.insert(own, {descriptor, 0});
  if (!own->events) entry.waiters.push_back(&waiter);
  own->events |= events;
  return 0;
}

void Readiness::forget(Waiter& waiter) {
  for (const Waiter::Watched& watched : waiter.watched_) {
    Entry& entry = entries_[static_cast<size_t>(watched.descriptor)];
    if (watched.events) {
      *std::ranges::find(entry.waiters, &waiter) = entry.waiters.back();
      entry.waiters.pop_back();
    }
    // Its owner may close it now, and the number may become another file's.
    if (entry.waiters.empty() && entry.known) {
      epoll_ctl(set_, EPOLL_CTL_DEL, watched.descriptor, nullptr);
      entry = {};
    }
  }
  waiter.watched_.clear();
}

void Readiness::wait(int64_t nanoseconds, const sigset_t* mask, const Told& told) {
  std::array<epoll_event, 256> events;
  const timespec left{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  // By number, as not every C library has epoll_pwait2(2); the kernel's signal set is 64 bits.
  const auto count = static_cast<int>(syscall(SYS_epoll_pwait2, set_, events.data(), static_cast<int>(events.size()),
                                              nanoseconds == kForever ? nullptr : &left, mask, sizeof(uint64_t)));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    const int descriptor = event.data.fd;
    Entry& entry = entries_[static_cast<size_t>(descriptor)];
    entry.armed = 0;
    telling_.swap(entry.waiters);
    for (Waiter* waiter : telling_) {
      std::ranges::find(waiter->watched_, descriptor, &Waiter::Watched::descriptor)->events = 0;
      told(*waiter, descriptor, event.events);
    }
    telling_.clear();
  }
}

}  // namespace pl
