// SPDX-License-Identifier: BSD-2-Clause
// The driver out of memory, at each place where it asks for some (penglai-faults.ko).
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "device.h"
#include "module.h"
#include "test.h"

using namespace pl::test;

namespace {

constexpr const char* kFailNth = "/sys/module/penglai_faults/parameters/fail_nth";

// With limits too, so that what they allocate is among it.
std::string parameters(int nth) { return "fail_nth=" + std::to_string(nth) + " user_limit=" + std::to_string(kUserLimit); }

void fail_nth(int nth) {
  int file = open(kFailNth, O_WRONLY | O_CLOEXEC);
  std::string text = std::to_string(nth);
  CHECK_EQUAL(write(file, text.data(), text.size()), text.size());
  close(file);
}

// 0: it has failed.
int left_to_fail() {
  char text[16] = {};
  int file = open(kFailNth, O_RDONLY | O_CLOEXEC);
  CHECK(read(file, text, sizeof text - 1) > 0);
  close(file);
  return std::atoi(text);
}

// All that a process can do with the device, up to the first thing that there was no memory for. What else fails is a failure of the test.
class Life {
 public:
  struct End {
    bool told;    // it ended with ENOMEM
    bool failed;  // the request whose turn it was came
  };
  End live_until(int nth) {
    fail_nth(nth);
    bool told = !live();
    if (arena_ != MAP_FAILED) munmap(arena_, kArena);
    if (fd_ >= 0) close(fd_);
    bool failed = left_to_fail() == 0;
    fail_nth(0);
    // The template outlives them.
    if (template_) {
      Device device(0);
      CHECK_EQUAL(device.remove(template_), 0);
    }
    return {told, failed};
  }

 private:
  static constexpr uint64_t kArena = 1 << 20;
  static constexpr uint32_t kForks = 40;  // more than a session's first table of slots holds

  bool fits(int result) {
    if (result >= 0) return true;
    CHECK_EQUAL(result, -ENOMEM);
    return false;
  }
  int call(unsigned long command, void* argument) { return ioctl(fd_, command, argument) < 0 ? -errno : 0; }
  Window& window(uint32_t offset) { return *reinterpret_cast<Window*>(static_cast<char*>(arena_) + offset); }

  bool live() {
    fd_ = open(PL_DEVICE, O_RDWR | O_CLOEXEC);
    if (!fits(fd_ < 0 ? -errno : 0)) return false;
    pl_ioc_arena arena = {.size = kArena, .reserved = {}};
    if (!fits(call(PL_IOC_ARENA, &arena))) return false;
    arena_ = mmap(nullptr, kArena, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (!fits(arena_ == MAP_FAILED ? -errno : 0)) return false;
    return make_template() && make_forks();
  }

  bool make_template() {
    pl_ioc_create create = {};
    create.reserve = 1 << 20;
    create.contexts = 1;
    create.flags = PL_CREATE_FREEZABLE;
    create.window[0] = {0, kWindow};
    if (!fits(call(PL_IOC_CREATE, &create))) return false;
    pl_ioc_add add = {create.handle, 0, reinterpret_cast<uint64_t>(payload_start), 1};
    if (!fits(call(PL_IOC_ADD, &add))) return false;
    pl_ioc_seal seal = {.handle = create.handle, .reserved = 0, .measurement = {}};
    if (!fits(call(PL_IOC_SEAL, &seal))) return false;
    pl_ioc_inspect inspect = {};
    inspect.handle = create.handle;
    if (!fits(call(PL_IOC_INSPECT, &inspect))) return false;
    window(0).command = DO_FREEZE;
    pl_ioc_run run = {};
    run.handle = create.handle;
    if (!fits(call(PL_IOC_RUN, &run))) return false;
    CHECK_EQUAL(run.reason, PL_LEFT_FROZEN);
    pl_ioc_publish publish = {};
    publish.handle = create.handle;
    publish.group = -1;
    publish.key[0] = 91;
    if (!fits(call(PL_IOC_PUBLISH, &publish))) {
      // It is still what it was, and can be published when there is memory again.
      CHECK_EQUAL(call(PL_IOC_PUBLISH, &publish), 0);
      template_ = publish.template_id;
      return false;
    }
    template_ = publish.template_id;
    return true;
  }

  bool make_forks() {
    std::vector<int> handles;
    for (uint32_t i = 0; i < kForks; i++) {
      window(i * kWindow).command = DO_DOORBELL;
      pl_ioc_spawn spawn = {};
      spawn.template_id = template_;
      spawn.window[0] = {i * kWindow, kWindow};
      if (!fits(call(PL_IOC_SPAWN, &spawn))) return false;
      CHECK_EQUAL(spawn.reason, PL_LEFT_DOORBELL);
      handles.push_back(spawn.handle);
    }
    for (int handle : handles) CHECK_EQUAL(call(PL_IOC_DESTROY, &handle), 0);
    return true;
  }

  int fd_ = -1;
  void* arena_ = MAP_FAILED;
  uint64_t template_ = 0;
};

}  // namespace

FAULTY_TEST("a module that memory runs out for while it loads is not there, and loads when there is some") {
  CHECK_EQUAL(remove_module("penglai_faults"), 0);
  int refused = 0;
  while (int error = insert_module("/penglai-faults.ko", parameters(refused + 1).c_str())) {
    CHECK_EQUAL(error, -ENOMEM);
    CHECK(access(PL_DEVICE, F_OK) != 0);
    refused++;
  }
  CHECK_EQUAL(refused, 3); /* slots, the reaper's queue, the device */
  chmod(PL_DEVICE, 0666);
  fail_nth(0);
}

FAULTY_TEST("wherever the driver runs out of memory is a clean error, and nothing is lost") {
  CHECK(!Life().live_until(0).told);
  const uint64_t free_bytes = Device(0).stat().pool_free;
  int places = 0, told = 0;
  for (int nth = 1;; nth++) {
    const Life::End end = Life().live_until(nth);
    CHECK(pool_returns_to(free_bytes));
    CHECK_EQUAL(Device(0).stat().templates, 0);
    if (!end.failed) {
      CHECK(!end.told);
      break;
    }
    places++;
    told += end.told;
    CHECK(nth < 1000);
  }
  std::printf("    %d requests for memory, %d of them told as ENOMEM\n", places, told);
  CHECK(told > 40);
  /* The only ones that nobody hears of are looks at what an enclave holds: it is looked at again with the next tick. */
  CHECK(places - told <= 4);
  CHECK_EQUAL(module_references("penglai_faults"), 0);
}
