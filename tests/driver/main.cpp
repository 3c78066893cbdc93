// SPDX-License-Identifier: BSD-2-Clause
// driver-test [WORD...]: the tests whose sentence contains one of the words, or all. `cost` measures instead,
// `attack` runs the hostile module beside a live enclave. Tests that need another machine: `limits` of a module that was loaded with limits,
// `faults` of one that runs out of memory when told, `servers [N]` kills N (10,000) pl-run at random moments. `kills [N]` kills N processes
// that use the device alone; `crowd [N]` makes a thousand forks at once N (100) times.
// As process 1 it first makes a machine of what it finds in /, and turns it off at the end.
#include <fcntl.h>
#include <linux/reboot.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "cost.h"
#include "device.h"
#include "module.h"
#include "test.h"

namespace {

using pl::test::Machine;
using pl::test::insert_module;

bool start_machine(Machine kind) {
  mkdir("/proc", 0755);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, nullptr);
  mkdir("/sys", 0755);
  mkdir("/tmp", 01777);
  mount("sys", "/sys", "sysfs", 0, nullptr);
  mount("dev", "/dev", "devtmpfs", 0, nullptr);
  int console = open("/dev/console", O_RDWR);
  for (int i = 0; i < 3; i++) dup2(console, i);
  const char* module = kind == Machine::Faulty ? "/penglai-faults.ko" : "/penglai.ko";
  std::string parameters = kind == Machine::Limited ? "user_limit=" + std::to_string(pl::test::kUserLimit) : "";
  int error = insert_module(module, parameters.c_str());
  if (error) {
    std::printf("driver-test: %s: %s\n", module, std::strerror(-error));
    return false;
  }
  // For every user of the tests; a system gives it to a group.
  chmod(PL_DEVICE, 0666);
  return true;
}

// The hostile kernel module, while an enclave with something to lose is alive.
void attack(const char* parameters) {
  using namespace pl::test;
  Device device;
  int handle = device.make(0), frozen = device.make(kWindow, PL_CREATE_FREEZABLE);
  CHECK_EQUAL(device.run(handle, 0, DO_BOOT, 0).reason, PL_LEFT_DOORBELL);
  std::string with = std::string(parameters) + " victim=" + std::to_string(device.window(0).boot.id);
  CHECK_EQUAL(device.run(frozen, kWindow, DO_BOOT, 0).reason, PL_LEFT_DOORBELL);
  with += " template=" + std::to_string(device.window(kWindow).boot.id);
  uint64_t id = device.publish(frozen, kWindow, 77);
  CHECK_EQUAL(insert_module("/attack.ko", (with + " hole=1").c_str()), -EIO);  // it would notice
  CHECK_EQUAL(insert_module("/attack.ko", with.c_str()), -ECANCELED);          // and did not get through
  CHECK_EQUAL(device.run(handle, 0, DO_EXIT, 5).detail, 5);
  CHECK_EQUAL(device.destroy(handle), 0);
  CHECK_EQUAL(device.spawn(id, kWindow, DO_EXIT, 6).detail, 6);
  CHECK_EQUAL(device.remove(id), 0);
}

bool is(int count, char** words, const char* word) { return count > 0 && !std::strcmp(words[0], word); }

Machine machine_for(int count, char** words) {
  if (is(count, words, "limits")) return Machine::Limited;
  if (is(count, words, "faults")) return Machine::Faulty;
  if (is(count, words, "servers")) return Machine::Serving;
  return Machine::Usual;
}

bool wanted(const pl::test::Case& test, int count, char** words) {
  const Machine machine = machine_for(count, words);
  if (machine != Machine::Usual) return test.machine == machine;
  if (test.machine != Machine::Usual) return false;
  for (int i = 0; i < count; i++)
    if (std::strstr(test.sentence, words[i])) return true;
  return count == 0;
}

int run_tests(int count, char** words) {
  int passed = 0, failed = 0;
  auto run = [&](const char* sentence, auto body) {
    try {
      body();
      std::printf("ok   %s\n", sentence);
      passed++;
    } catch (pl::test::Failure&) {
      std::printf("FAIL %s\n", sentence);
      failed++;
    }
    std::fflush(stdout);
  };
  if (is(count, words, "cost")) {
    pl::test::measure(count > 1);
    return 0;
  }
  static char killed[] = "a process killed at any moment", crowd[] = "a thousand forks at once";
  auto rounds = [&](unsigned usual) { return count > 1 ? unsigned(std::atoi(words[1])) : usual; };
  if (is(count, words, "kills") || is(count, words, "servers")) pl::test::kill_rounds = rounds(10000);
  if (is(count, words, "crowd")) pl::test::crowd_rounds = rounds(100);
  if (is(count, words, "kills") || is(count, words, "crowd")) {
    words[0] = is(count, words, "kills") ? killed : crowd;
    count = 1;
  }
  bool all = count == 0;
  if (is(count, words, "attack")) {
    run("a hostile kernel reaches no enclave", [] { attack("calls=300000"); });
  } else {
    for (const pl::test::Case& test : pl::test::cases())
      if (wanted(test, count, words)) run(test.sentence, test.body);
    if (all && access("/attack.ko", R_OK) == 0)
      run("a hostile kernel reaches no enclave", [] { attack("calls=200000"); });
  }
  std::printf("driver-test: %d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}

}  // namespace

int main(int count, char** words) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  bool machine = getpid() == 1;
  int status = 1;
  if (!machine || start_machine(machine_for(count - 1, words + 1))) status = run_tests(count - 1, words + 1);
  if (machine) {
    std::fflush(stdout);
    tcdrain(STDOUT_FILENO);  // the last lines are in the serial line's buffer, which goes off with the machine
    sync();
    reboot(LINUX_REBOOT_CMD_POWER_OFF);
  }
  return status;
}
