// SPDX-License-Identifier: BSD-2-Clause
// Many at once, and until there is no room: what is counted before is counted again afterwards.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "device.h"
#include "module.h"
#include "test.h"

using namespace pl::test;

namespace {

// What must be the same when all is over.
struct Books {
  uint64_t free_bytes, largest, enclaves, templates;
  int module_references; /* one for each open descriptor, template and end that is still outstanding */
};

Books count() {
  Device device(0);
  const pl_ioc_stat stat = device.stat();
  return {stat.pool_free, stat.pool_largest, stat.enclaves, stat.templates, module_references("penglai")};
}

void check_balance(const Books& before) {
  CHECK(pool_returns_to(before.free_bytes));
  const Books after = count();
  /* In one piece too: the monitor puts it together when it is asked for. */
  CHECK(Device().make(0, 0, 1, before.largest) >= 0);
  CHECK_EQUAL(after.enclaves, before.enclaves);
  CHECK_EQUAL(after.templates, before.templates);
  CHECK_EQUAL(after.module_references, before.module_references);
}

constexpr int kProcesses = 4, kEach = 250;

// Shared by the processes of a round.
struct Meeting {
  std::atomic<int> arrived;
  std::atomic<bool> go_on;
};

// Makes its share of the forks, waits until all are there, and ends a third of them by their own exit, a third by force; the last third goes
// with the descriptor.
[[noreturn]] void take_part(Meeting& meeting, uint64_t id, int number) {
  int status = 1;
  try {
    Device device(2 << 20);
    std::vector<int> handles;
    for (uint32_t i = 0; i < kEach; i++) {
      Left left = device.spawn(id, i * kWindow, DO_DOORBELL, 0);
      CHECK_EQUAL(left.reason, PL_LEFT_DOORBELL);
      handles.push_back(left.handle);
    }
    meeting.arrived++;
    while (!meeting.go_on) usleep(200);
    for (int i = 0; i < kEach; i++) {
      if (i % 3 == 0) CHECK_EQUAL(device.run(handles[i], i * kWindow, DO_EXIT, i).detail, i);
      if (i % 3 != 2) CHECK_EQUAL(device.destroy(handles[i]), 0);
    }
    status = 0;
    if (number == 0) kill(getpid(), SIGKILL); /* this one's descriptor is closed by the kernel */
  } catch (Failure&) {
    meeting.arrived++;
    std::fflush(stdout);
  }
  _exit(status);
}

}  // namespace

TEST("a thousand forks at once, again and again: no page, slot or descriptor is lost") {
  auto* meeting = static_cast<Meeting*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const Books before = count();
  long kilobytes = 0;
  for (unsigned round = 0; round < crowd_rounds; round++) {
    Device device;
    uint64_t id = device.make_template(51);
    const uint64_t alone = device.stat().enclaves;
    meeting->arrived = 0;
    meeting->go_on = false;
    std::fflush(stdout);
    pid_t children[kProcesses];
    for (int i = 0; i < kProcesses; i++) {
      children[i] = fork();
      if (!children[i]) take_part(*meeting, id, i);
    }
    while (meeting->arrived < kProcesses) usleep(200);
    const uint64_t alive = device.stat().enclaves - alone;
    meeting->go_on = true;
    for (int i = 0; i < kProcesses; i++) {
      int status = -1;
      waitpid(children[i], &status, 0);
      CHECK_EQUAL(status, i == 0 ? SIGKILL : 0);
    }
    CHECK_EQUAL(alive, kProcesses * kEach);
    CHECK_EQUAL(device.remove(id), 0);
    /* Slots are kept by their session, which is gone: the kernel's memory does not grow with the rounds. */
    if (round == 0) kilobytes = kernel_kilobytes();
  }
  munmap(meeting, 4096);
  check_balance(before);
  CHECK(kernel_kilobytes() - kilobytes < 1024);
}

TEST("when forks have used up the pool the next is ENOMEM, those that are there go on, and all of it comes back") {
  const Books before = count();
  {
    Device device(64 << 20);
    uint64_t id = device.make_template(52);
    std::vector<int> handles;
    Left left;
    for (;;) {
      left = device.spawn(id, handles.size() * kWindow, DO_DOORBELL, 0);
      if (left.reason < 0) break;
      CHECK_EQUAL(left.reason, PL_LEFT_DOORBELL);
      handles.push_back(left.handle);
    }
    CHECK_EQUAL(left.reason, -ENOMEM);
    CHECK(handles.size() > 1000);
    /* No room for more memory either: the one that asks is told, and it goes on. */
    CHECK_EQUAL(device.run(handles[0], 0, DO_EXTENT, 1 << 20).reason, PL_LEFT_MEMORY);
    CHECK_EQUAL(device.run(handles[1], kWindow, DO_EXIT, 8).detail, 8);
    /* One goes, and there is room for one. */
    CHECK_EQUAL(device.destroy(handles[1]), 0);
    left = device.spawn(id, kWindow, DO_DOORBELL, 0);
    CHECK_EQUAL(left.reason, PL_LEFT_DOORBELL);
    handles[1] = left.handle;
    for (size_t i = 1; i < handles.size(); i += 97)
      CHECK_EQUAL(device.run(handles[i], i * kWindow, DO_DOORBELL, 0).reason, PL_LEFT_DOORBELL);
    CHECK_EQUAL(device.remove(id), 0);
  }
  check_balance(before);
}
