// SPDX-License-Identifier: BSD-2-Clause
// The run loop beside the rest of Linux: ticks, signals, death, deadlines, poll.
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <thread>

#include "device.h"
#include "test.h"

using namespace pl::test;

namespace {

uint64_t now() {
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000ull + at.tv_nsec;
}

uint64_t ticks() {
  uint64_t value;
  asm volatile("rdtime %0" : "=r"(value));
  return value;
}

constexpr uint64_t kTicksPerMillisecond = 10000; /* QEMU virt: 10 MHz */

void alarm_in(long microseconds) {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  itimerval timer = {{0, 0}, {0, microseconds}};
  setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

TEST("a signal takes a spinning enclave off with EINTR, and it can be run on") {
  Device device;
  int handle = device.make(0);
  alarm_in(20000);
  CHECK_EQUAL(device.run(handle, 0, DO_SPIN, 0).reason, -EINTR);
  alarm_in(20000);
  CHECK_EQUAL(device.run(handle).reason, -EINTR);
  CHECK_EQUAL(device.run(handle, 0, DO_EXIT, 5).detail, 5);
}

TEST("one that spins leaves at a tick when another is to have its turn, and goes on where it was") {
  Device device;
  int handle = device.make(0);
  for (int turn = 0; turn < 3; turn++) {
    device.window(0).command = DO_SPIN;
    CHECK_EQUAL(device.run(handle, PL_RUN_TURN).reason, PL_LEFT_INTERRUPT);
  }
  CHECK_EQUAL(device.run(handle, 0, DO_EXIT, 6).detail, 6);
  CHECK_EQUAL(device.destroy(handle), 0);
  uint64_t id = device.make_template(34);
  device.window(kWindow).command = DO_SPIN;
  Left left = device.spawn(id, kWindow, PL_SPAWN_TURN);
  CHECK_EQUAL(left.reason, PL_LEFT_INTERRUPT);
  CHECK(left.handle >= 0);
  CHECK_EQUAL(device.run(left.handle, kWindow, DO_EXIT, 7).detail, 7);
  CHECK_EQUAL(device.destroy(left.handle), 0);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("a signal during a spawn leaves a handle to go on with") {
  Device device;
  uint64_t id = device.make_template(1);
  alarm_in(20000);
  Left left = device.spawn(id, kWindow, DO_SPIN, 0);
  CHECK_EQUAL(left.reason, PL_LEFT_INTERRUPT);
  CHECK(left.handle >= 0);
  CHECK_EQUAL(device.run(left.handle, kWindow, DO_EXIT, 6).detail, 6);
  CHECK_EQUAL(device.destroy(left.handle), 0);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("a pending signal stops a spawn before anything is made") {
  Device device;
  uint64_t id = device.make_template(1);
  uint64_t forks = device.stat().forks;
  std::thread([&] {
    itimerval storm = {{0, 50}, {0, 50}};
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, nullptr);
    setitimer(ITIMER_REAL, &storm, nullptr);
    int made = 0;
    for (int i = 0; i < 2000; i++) {
      Left left = device.spawn(id, kWindow, DO_EXIT, 1);
      if (left.reason == -EINTR) continue;
      made++;
      if (left.handle >= 0) device.destroy(left.handle);
    }
    itimerval none = {};
    setitimer(ITIMER_REAL, &none, nullptr);
    CHECK_EQUAL(device.stat().forks, forks + made);
  }).join();
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("an enclave that spins does not starve another process on its hart") {
  Device device;
  int handle = device.make(0);
  device.window(0).command = DO_TICK;
  device.window(0).result = 0;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  cpu_set_t before;
  sched_getaffinity(0, sizeof before, &before);
  sched_setaffinity(0, sizeof one, &one);
  auto* shared = static_cast<std::atomic<uint64_t>*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::fflush(stdout);
  pid_t child = fork();
  if (!child)
    for (;;) ++*shared;
  alarm_in(200000);
  CHECK_EQUAL(device.run(handle).reason, -EINTR);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  sched_setaffinity(0, sizeof before, &before);
  CHECK(*shared > 1000);
  CHECK(device.window(0).result > 1000);
  munmap(shared, 4096);
}

TEST("an idle enclave's deadline comes back in nanoseconds, and none as none") {
  Device device;
  int handle = device.make(0);
  uint64_t start = now();
  Left left = device.run(handle, 0, DO_IDLE, ticks() + 50 * kTicksPerMillisecond);
  CHECK_EQUAL(left.reason, PL_LEFT_IDLE);
  CHECK(left.detail > start + 49000000 && left.detail < now() + 51000000);
  left = device.run(handle, 0, DO_IDLE, PL_NO_DEADLINE);
  CHECK_EQUAL(left.reason, PL_LEFT_IDLE);
  CHECK_EQUAL(left.detail, PL_NO_DEADLINE);
  left = device.run(handle, 0, DO_IDLE, ~0ull >> 9);
  CHECK(left.detail > now() + (uint64_t{1} << 60)); /* a century, not an overflow */
  left = device.run(handle, 0, DO_IDLE, 1);
  CHECK(left.detail <= now());
}

TEST("the descriptor becomes readable at the earliest deadline, and not before") {
  Device device;
  int first = device.make(0), second = device.make(kWindow);
  pollfd polled = {device.fd(), POLLIN, 0};
  CHECK_EQUAL(poll(&polled, 1, 0), 0);
  uint64_t start = now();
  device.run(first, 0, DO_IDLE, ticks() + 200 * kTicksPerMillisecond);
  device.run(second, kWindow, DO_IDLE, ticks() + 30 * kTicksPerMillisecond);
  CHECK_EQUAL(poll(&polled, 1, 0), 0);
  CHECK_EQUAL(poll(&polled, 1, 2000), 1);
  CHECK_EQUAL(polled.revents, POLLIN);
  CHECK(now() - start >= 29000000 && now() - start < 180000000);
  CHECK_EQUAL(poll(&polled, 1, 0), 1); /* until it is run */
  device.run(second, kWindow, DO_IDLE, PL_NO_DEADLINE);
  CHECK_EQUAL(poll(&polled, 1, 0), 0);
  CHECK_EQUAL(poll(&polled, 1, 2000), 1);
  CHECK_EQUAL(device.destroy(first), 0);
  CHECK_EQUAL(poll(&polled, 1, 0), 0);
}

TEST("a deadline set while somebody waits wakes him, with epoll too") {
  Device device;
  int handle = device.make(0);
  int epoll = epoll_create1(0);
  epoll_event event = {.events = EPOLLIN, .data = {}};
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, device.fd(), &event), 0);
  std::thread other([&] {
    usleep(20000);
    device.run(handle, 0, DO_IDLE, ticks() + 20 * kTicksPerMillisecond);
  });
  int ready = epoll_wait(epoll, &event, 1, 2000);
  other.join();
  close(epoll);
  CHECK_EQUAL(ready, 1);
}

TEST("two contexts of an enclave run at once, and each context once") {
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) return;
  Device device;
  int handle = device.make(0, 0, 2);
  device.window(0).counter = 0;
  device.window(0).stop = 0;
  CHECK_EQUAL(device.run(handle, 0, DO_CONTEXT, 1).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.window(0).error, 0);
  Left other = {};
  std::thread second([&] { other = device.run(handle, 0, 1); });
  uint64_t start = now();
  while (!device.window(0).counter && now() - start < 2000000000) usleep(1000);
  CHECK(device.window(0).counter > 0);
  Left twice = device.run(handle, 0, 1);
  Left first = device.run(handle, 0, DO_DOORBELL, 0);
  device.window(0).stop = 1;
  second.join();
  CHECK_EQUAL(twice.reason, -EBUSY);
  CHECK_EQUAL(first.reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(other.reason, PL_LEFT_IDLE);
}

TEST("an enclave destroyed by one thread leaves another thread's run") {
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) return;
  Device device;
  int handle = device.make(0);
  device.window(0).command = DO_TICK;
  device.window(0).result = 0;
  Left left = {};
  std::thread runner([&] { left = device.run(handle); });
  while (!device.window(0).result) usleep(1000);
  int destroyed = device.destroy(handle);
  runner.join();
  CHECK_EQUAL(destroyed, 0);
  CHECK_EQUAL(left.reason, -EBADF);
  CHECK(device.make(0) >= 0);
}

TEST("a process killed at any moment leaves the pool whole") {
  Device watcher(0);
  uint64_t free_bytes = watcher.stat().pool_free;
  std::mt19937 random(7);
  for (unsigned round = 0; round < pl::test::kill_rounds; round++) {
    std::fflush(stdout);
    pid_t child = fork();
    if (!child) {
      Device device;
      uint64_t id = 0;
      for (uint32_t i = 0;; i++) {
        if (!id) id = device.make_template(33);
        device.spawn(id, kWindow, DO_EXIT, 0);
        Left left = device.spawn(id, 2 * kWindow, DO_DOORBELL, 0);
        if (left.handle >= 0) {
          device.run(left.handle, 2 * kWindow, DO_EXIT, 0);
          device.destroy(left.handle);
        }
        if (i % 4 == 3) {
          device.remove(id);
          id = 0;
        }
        if (i % 16 == 15) device.spawn(id = device.make_template(33), kWindow, DO_SPIN, 0);
      }
    }
    usleep(random() % 8000);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    pl_ioc_template found = {};
    found.key[0] = 33;
    if (!watcher.call(PL_IOC_FIND, &found)) CHECK_EQUAL(watcher.remove(found.template_id), 0);
  }
  CHECK(pool_returns_to(free_bytes));
}

TEST("the module stays while a descriptor is open, an enclave lives or a template is kept") {
  auto unload = [] { return syscall(SYS_delete_module, "penglai", 04000 /* O_NONBLOCK */) ? -errno : 0; };
  uint64_t id;
  {
    Device device;
    CHECK_EQUAL(unload(), -EWOULDBLOCK);
    int handle = device.make(0);
    CHECK_EQUAL(device.run(handle, 0, DO_BOOT, 0).reason, PL_LEFT_DOORBELL);
    CHECK_EQUAL(unload(), -EWOULDBLOCK);
    CHECK_EQUAL(device.run(handle, 0, DO_EXIT, 5).detail, 5);
    id = device.make_template(1, kWindow);
  }
  CHECK_EQUAL(unload(), -EWOULDBLOCK);
  Device device;
  CHECK_EQUAL(device.remove(id), 0);
}
