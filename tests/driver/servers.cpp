// SPDX-License-Identifier: BSD-2-Clause
// pl-run itself, killed: the server of a live enclave in the middle of whatever it does for it.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>

#include "device.h"
#include "module.h"
#include "test.h"

using namespace pl::test;

namespace {

constexpr const char* kFolder = "/tmp/bound";

// A program that never stops asking: files of a bound directory, pipes, processes of its own, memory.
[[noreturn]] void serve(bool forked) {
  const char* shadow[] = {"pl-run", "--shadow", "-v", "/tmp/bound:/bound", "/churn", nullptr};
  const char* cold[] = {"pl-run", "-v", "/tmp/bound:/bound", "/churn", nullptr};
  int null = open("/dev/null", O_RDWR);
  for (int number = 0; number < 3; number++) dup2(null, number);
  execv("/pl-run", const_cast<char**>(forked ? shadow : cold));
  _exit(99);
}

// One that belongs to this user; there is nobody else.
bool remove_a_template(Device& device) {
  pl_ioc_template next = {};
  return !device.call(PL_IOC_TEMPLATE_AFTER, &next) && !device.remove(next.template_id);
}

bool is_alive(const pl_ioc_stat& stat) { return stat.enclaves > stat.templates; }

// Microseconds from the start of a pl-run to its enclave being there, the template made before.
unsigned time_to_live(Device& device) {
  using Clock = std::chrono::steady_clock;
  Clock::duration took{};
  for (int run = 0; run < 2; run++) {
    std::fflush(stdout);
    const Clock::time_point start = Clock::now();
    pid_t child = fork();
    if (!child) serve(true);
    pl_ioc_template found = {};
    for (;;) {
      found.template_id = 0;
      took = Clock::now() - start;
      if (!device.call(PL_IOC_TEMPLATE_AFTER, &found) && is_alive(device.stat())) break;
      CHECK(took < std::chrono::minutes(1));
      usleep(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  return unsigned(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

}  // namespace

SERVING_TEST("a server killed at any moment leaves pool, ids and descriptors whole") {
  mkdir(kFolder, 0777);
  mkdir("/usr", 0755);
  Device watcher(0);
  const pl_ioc_stat before = watcher.stat();
  const unsigned whole_life = time_to_live(watcher) * 2 + 20000;
  std::mt19937 random(11);
  unsigned alive = 0, lived = 0;
  for (unsigned round = 0; round < kill_rounds; round++) {
    std::fflush(stdout);
    pid_t child = fork();
    if (!child) serve(round % 8 != 7);
    /* From before it has opened the device to long after its enclave asks for things. */
    usleep(random() % whole_life);
    const pl_ioc_stat now = watcher.stat();
    alive += is_alive(now);
    kill(child, SIGKILL);
    int status = 0;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status)); /* it did not end by itself, which would be an error of its own */
    lived += now.forks != before.forks;
    /* Then the next one makes it again, and is killed while it does. */
    if (random() % 16 == 0) remove_a_template(watcher);
  }
  while (remove_a_template(watcher)) {
  }
  std::printf("    %u killed, %u of them with a live enclave\n", kill_rounds, alive);
  CHECK(alive > kill_rounds / 10);
  CHECK(lived > 0);
  CHECK(pool_returns_to(before.pool_free));
  const pl_ioc_stat after = watcher.stat();
  CHECK_EQUAL(after.enclaves, before.enclaves);
  CHECK_EQUAL(after.templates, before.templates);
  CHECK(Device().make(0, 0, 1, before.pool_largest) >= 0); /* in one piece too */
  CHECK_EQUAL(module_references("penglai"), 1); /* the watcher's */
}
