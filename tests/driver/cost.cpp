// SPDX-License-Identifier: BSD-2-Clause
#include "cost.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "device.h"
#include "test.h"

namespace pl::test {
namespace {

sigjmp_buf no_counter;
bool has_counter;

// Instructions since some time; where the kernel hides the counter, time at 100 instructions a tick (icount shift=0, 10
// MHz).
uint64_t instructions() {
  uint64_t value;
  if (has_counter) {
    asm volatile("rdinstret %0" : "=r"(value)::"memory");
    return value;
  }
  asm volatile("rdtime %0" : "=r"(value)::"memory");
  return value * 100;
}

void find_counter() {
  struct sigaction action = {}, before;
  action.sa_handler = [](int) { siglongjmp(no_counter, 1); };
  sigaction(SIGILL, &action, &before);
  has_counter = true;
  if (sigsetjmp(no_counter, 1)) {
    has_counter = false;
  } else {
    instructions();
  }
  sigaction(SIGILL, &before, nullptr);
}

template <typename Body>
void cost(const char* name, Body body, int rounds = 201) {
  std::vector<uint64_t> taken;
  for (int i = 0; i < rounds; i++) {
    uint64_t start = instructions();
    body();
    taken.push_back(instructions() - start);
  }
  std::sort(taken.begin(), taken.end());
  uint64_t sum = 0;
  for (int i = rounds / 10; i < rounds * 9 / 10; i++) sum += taken[i];
  std::printf("%-44s median %8llu  mean %8llu  least %8llu\n", name, static_cast<unsigned long long>(taken[rounds / 2]),
              static_cast<unsigned long long>(sum / (rounds * 9 / 10 - rounds / 10)),
              static_cast<unsigned long long>(taken[0]));
}

}  // namespace

void measure(bool step) {
  find_counter();
  std::printf("counter: %s\n", has_counter ? "instret" : "time * 100");
  Device device;
  uint64_t id = device.make_template(1, 0);
  int handle = device.make(0);
  Window& bell = device.window(0);
  Window& spawned = device.window(kWindow);
  bell.command = DO_DOORBELL;
  device.run(handle);
  pl_ioc_run run = {};
  run.handle = handle;
  pl_ioc_spawn spawn = {};
  spawn.template_id = id;
  spawn.window[0] = {kWindow, kWindow};
  spawned.command = DO_EXIT;
  if (step) {
    char line[16];
    for (int i = 0; i < 3; i++) {
      device.call(PL_IOC_SPAWN, &spawn);
      device.call(PL_IOC_RUN, &run);
    }
    if (FILE* modules = fopen("/proc/modules", "r")) {
      unsigned long long base;
      if (fscanf(modules, "penglai %*s %*s %*s %*s %llx", &base) == 1) std::printf("module base 0x%llx\n", base);
      fclose(modules);
    }
    std::printf("ready: trace on\n");
    if (read(0, line, sizeof line) < 0) return;
    syscall(SYS_ioctl, device.fd(), PL_IOC_SPAWN, &spawn);
    syscall(SYS_ioctl, device.fd(), PL_IOC_RUN, &run);
    std::printf("done: trace off\n");
    if (read(0, line, sizeof line) < 0) return;
    device.remove(id);
    return;
  }
  cost("nothing", [] {});
  cost("getppid", [] { syscall(SYS_getppid); });
  cost("ioctl that does not exist", [&] { syscall(SYS_ioctl, device.fd(), 0x5000, 0); });
  cost("run until a doorbell", [&] { syscall(SYS_ioctl, device.fd(), PL_IOC_RUN, &run); });
  cost("spawn, exit, destroy", [&] { syscall(SYS_ioctl, device.fd(), PL_IOC_SPAWN, &spawn); });
  cost("spawn, doorbell, run, exit, destroy", [&] {
    spawned.command = DO_DOORBELL;
    syscall(SYS_ioctl, device.fd(), PL_IOC_SPAWN, &spawn);
    spawned.command = DO_EXIT;
    pl_ioc_run last = {};
    last.handle = spawn.handle;
    last.flags = PL_RUN_DESTROY;
    syscall(SYS_ioctl, device.fd(), PL_IOC_RUN, &last);
  });
  cost("open, arena of 64 KiB, mmap, unmap, close", [] { Device another(65536); });
  cost(
      "create, add a page, seal, exit, destroy",
      [&] {
        int cold = device.make(2 * kWindow);
        device.run(cold, 2 * kWindow, DO_EXIT, 0);
        device.destroy(cold);
      },
      21);
  std::printf("reason %u detail %llu handle %d\n", spawn.reason, static_cast<unsigned long long>(spawn.detail),
              spawn.handle);
  device.remove(id);
}

}  // namespace pl::test
