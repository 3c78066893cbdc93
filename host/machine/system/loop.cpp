// SPDX-License-Identifier: BSD-2-Clause
#include "loop.h"

#include <sys/epoll.h>

#include <algorithm>

namespace pl::machine {

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

Loop::Watch::Watch(Loop& loop, int fd, uint32_t events, Handler handler)
    : loop_(&loop), fd_(fd), id_(loop.next_id_++) {
  loop.handlers_.emplace(id_, std::make_shared<Handler>(std::move(handler)));
  want(events);
}

Loop::Watch& Loop::Watch::operator=(Watch&& other) noexcept {
  if (this == &other) return *this;
  reset();
  loop_ = std::exchange(other.loop_, nullptr);
  fd_ = other.fd_;
  id_ = other.id_;
  events_ = other.events_;
  return *this;
}

void Loop::Watch::want(uint32_t events) {
  if (!loop_ || events == events_) return;
  // Watching for nothing means not to watch: epoll reports EPOLLHUP and EPOLLERR whether asked or not.
  const int operation = events_ == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  events_ = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id_;
  ::epoll_ctl(loop_->epoll_.get(), operation, fd_, &event);
}

void Loop::Watch::reset() {
  if (!loop_) return;
  want(0);
  loop_->handlers_.erase(id_);
  loop_ = nullptr;
}

void Loop::after(std::chrono::milliseconds delay, std::function<void()> action) {
  timers_.emplace(Clock::now() + delay, std::move(action));
}

void Loop::run() {
  while (running_) {
    int timeout = -1;
    if (!timers_.empty()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now());
      timeout = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
    }
    epoll_event events[64];
    const int count = ::epoll_wait(epoll_.get(), events, 64, timeout);
    for (int i = 0; i < count; ++i) {
      const auto found = handlers_.find(events[i].data.u64);
      if (found == handlers_.end()) continue;
      const std::shared_ptr<Handler> keep = found->second;
      (*keep)(events[i].events);
    }
    while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
      auto action = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      action();
    }
    if (each_round_) each_round_();
  }
}

}  // namespace pl::machine
