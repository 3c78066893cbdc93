// SPDX-License-Identifier: BSD-2-Clause
// What a hostile process may try: malformed arguments, handles that are not its own, mappings, double use of the arena.
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>
#include <thread>

#include "device.h"
#include "test.h"

using namespace pl::test;

namespace {

constexpr unsigned long kCommands[] = {PL_IOC_ARENA, PL_IOC_CREATE,         PL_IOC_ADD,     PL_IOC_SEAL,
                                       PL_IOC_RUN,   PL_IOC_SPAWN,          PL_IOC_DESTROY, PL_IOC_PUBLISH,
                                       PL_IOC_FIND,  PL_IOC_TEMPLATE_AFTER, PL_IOC_REMOVE,  PL_IOC_INSPECT,
                                       PL_IOC_STAT,  PL_IOC_RELAY,          PL_IOC_WINDOW,  PL_IOC_NOTE};

}  // namespace

TEST("every call with a bad pointer is EFAULT, and leaves nothing") {
  Device device;
  uint64_t free_bytes = device.stat().pool_free;
  for (unsigned long command : kCommands)
    for (uint64_t pointer :
         {uint64_t{0}, uint64_t{1}, uint64_t{0x1000}, ~uint64_t{0}, uint64_t{0xffffffff80000000}, uint64_t{1} << 47})
      CHECK_EQUAL(device.call(command, reinterpret_cast<void*>(pointer)), -EFAULT);
  CHECK_EQUAL(device.call(_IO('P', 99), nullptr), -ENOTTY);
  CHECK_EQUAL(device.call(_IO('Q', 1), nullptr), -ENOTTY);
  CHECK_EQUAL(device.stat().pool_free, free_bytes);
}

TEST("an answer that cannot be written leaves no enclave behind") {
  Device device;
  uint64_t id = device.make_template(1);
  uint64_t free_bytes = device.stat().pool_free;
  char* page = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  pl_ioc_create create = {};
  create.reserve = 1 << 20;
  create.contexts = 1;
  create.window[0] = {kWindow, kWindow};
  std::memcpy(page, &create, sizeof create);
  mprotect(page, 4096, PROT_READ);
  CHECK_EQUAL(device.call(PL_IOC_CREATE, page), -EFAULT);
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
  pl_ioc_spawn spawn = {};
  spawn.template_id = id;
  spawn.window[0] = {kWindow, kWindow};
  std::memcpy(page, &spawn, sizeof spawn);
  mprotect(page, 4096, PROT_READ);
  device.window(kWindow).command = DO_DOORBELL;
  CHECK_EQUAL(device.call(PL_IOC_SPAWN, page), -EFAULT);
  device.window(kWindow).command = DO_EXIT;
  CHECK_EQUAL(device.call(PL_IOC_SPAWN, page), -EFAULT);
  CHECK_EQUAL(device.stat().pool_free, free_bytes);
  CHECK_EQUAL(device.spawn(id, kWindow, DO_EXIT, 0).reason, PL_LEFT_EXIT); /* the piece is free */
  munmap(page, 4096);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("unknown flags and reserved fields are EINVAL") {
  Device device;
  pl_ioc_create create = {};
  create.reserve = 1 << 20;
  create.contexts = 1;
  auto refused = [&](auto change) {
    pl_ioc_create changed = create;
    change(changed);
    return device.call(PL_IOC_CREATE, &changed);
  };
  CHECK_EQUAL(refused([](auto& c) { c.flags = 4; }), -EINVAL);
  CHECK_EQUAL(refused([](auto& c) { c.flags = 0x80000000; }), -EINVAL);
  CHECK_EQUAL(refused([](auto& c) { c.reserved = 1; }), -EINVAL);
  CHECK_EQUAL(refused([](auto& c) { c.contexts = 0; }), -EINVAL);
  CHECK_EQUAL(refused([](auto& c) { c.contexts = PL_MAX_CONTEXTS + 1; }), -EINVAL);
  CHECK_EQUAL(refused([](auto& c) { c.reserve = 0; }), -EINVAL);
  CHECK_EQUAL(refused([](auto& c) { c.reserve = (1 << 20) + 4096; }), -EINVAL);
  CHECK_EQUAL(refused([](auto& c) { c.reserve = 4096; }), -EINVAL);
  CHECK_EQUAL(refused([](auto& c) { c.reserve = uint64_t{1} << 62; }), -ENOMEM);
  pl_ioc_arena arena = {.size = 65536, .reserved = {1, 0}};
  CHECK_EQUAL(device.call(PL_IOC_ARENA, &arena), -EINVAL);
  pl_ioc_add add = {0, 1, 0, 0};
  CHECK_EQUAL(device.call(PL_IOC_ADD, &add), -EINVAL);
  pl_ioc_seal seal = {};
  seal.reserved = 1;
  CHECK_EQUAL(device.call(PL_IOC_SEAL, &seal), -EINVAL);
  pl_ioc_run run = {};
  run.flags = 2;
  CHECK_EQUAL(device.call(PL_IOC_RUN, &run), -EINVAL);
  pl_ioc_spawn spawn = {};
  spawn.flags = 4;
  CHECK_EQUAL(device.call(PL_IOC_SPAWN, &spawn), -EINVAL);
  spawn = {};
  spawn.reserved = 1;
  CHECK_EQUAL(device.call(PL_IOC_SPAWN, &spawn), -EINVAL);
  pl_ioc_publish publish = {};
  publish.group = -2;
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EINVAL);
  publish.group = -1;
  std::memset(publish.name, 'a', sizeof publish.name);
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EINVAL);
  pl_ioc_note note = {};
  note.reserved = 1;
  CHECK_EQUAL(device.call(PL_IOC_NOTE, &note), -EINVAL);
}

TEST("handles that never were, are not open, or belong to another descriptor are EBADF") {
  Device device, other;
  int handle = other.make(0);
  CHECK_EQUAL(handle, 0);
  for (int bad : {0, 1, -1, 15, 16, 1000000, INT32_MAX, INT32_MIN}) {
    CHECK_EQUAL(device.run(bad).reason, -EBADF);
    CHECK_EQUAL(device.destroy(bad), -EBADF);
    pl_ioc_add add = {bad, 0, reinterpret_cast<uint64_t>(payload_start), 1};
    CHECK_EQUAL(device.call(PL_IOC_ADD, &add), -EBADF);
    pl_ioc_seal seal = {};
    seal.handle = bad;
    CHECK_EQUAL(device.call(PL_IOC_SEAL, &seal), -EBADF);
    pl_ioc_inspect inspect = {};
    inspect.handle = bad;
    CHECK_EQUAL(device.call(PL_IOC_INSPECT, &inspect), -EBADF);
    pl_ioc_publish publish = {};
    publish.handle = bad;
    publish.group = -1;
    CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EBADF);
  }
  CHECK_EQUAL(other.run(handle, 0, DO_EXIT, 0).reason, PL_LEFT_EXIT);
  for (uint64_t bad : {uint64_t{0}, uint64_t{1} << 40, ~uint64_t{0}}) {
    CHECK_EQUAL(device.spawn(bad, 0, DO_EXIT, 0).reason, -ENOENT);
    CHECK_EQUAL(device.remove(bad), -ENOENT);
  }
}

TEST("an enclave is run, sealed and published only in the state for it") {
  Device device;
  pl_ioc_create create = {};
  create.reserve = 1 << 20;
  create.contexts = 1;
  CHECK_EQUAL(device.call(PL_IOC_CREATE, &create), 0);
  CHECK_EQUAL(device.run(create.handle).reason, -EPROTO);
  pl_ioc_publish publish = {};
  publish.handle = create.handle;
  publish.group = -1;
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EPROTO);
  int handle = device.make(0);
  pl_ioc_seal seal = {};
  seal.handle = handle;
  CHECK_EQUAL(device.call(PL_IOC_SEAL, &seal), -EPROTO);
  CHECK_EQUAL(device.run(handle, 0, 5).reason, -EINVAL);
  CHECK_EQUAL(device.run(handle, 0, ~0u).reason, -EINVAL);
  /* not freezable: refused inside */
  CHECK_EQUAL(device.run(handle, 0, DO_FREEZE, 0).reason, PL_LEFT_DOORBELL);
  CHECK(static_cast<int64_t>(device.window(0).error) < 0);
  publish.handle = handle;
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EPROTO);
}

TEST("only the process's own memory is added") {
  Device device;
  pl_ioc_create create = {};
  create.reserve = 1 << 20;
  create.contexts = 1;
  CHECK_EQUAL(device.call(PL_IOC_CREATE, &create), 0);
  auto add = [&](uint64_t address, uint64_t pages) {
    pl_ioc_add request = {create.handle, 0, address, pages};
    return device.call(PL_IOC_ADD, &request);
  };
  CHECK_EQUAL(add(1, 1), -EINVAL);
  CHECK_EQUAL(add(0, 1), -EFAULT);
  CHECK_EQUAL(add(0xffffffff80000000, 1), -EFAULT);
  CHECK_EQUAL(add(0xffffffd800000000, 1), -EFAULT);
  CHECK_EQUAL(add(0xfffffffffffff000, 1), -EINVAL);
  CHECK_EQUAL(add(reinterpret_cast<uint64_t>(payload_start), ~uint64_t{0}), -EINVAL);
  CHECK_EQUAL(add(reinterpret_cast<uint64_t>(payload_start), 1), 0);
  /* half there: what was added is told */
  char* memory = static_cast<char*>(mmap(nullptr, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(memory + 4096, 4096);
  pl_ioc_add request = {create.handle, 0, reinterpret_cast<uint64_t>(memory), 2};
  CHECK_EQUAL(device.call(PL_IOC_ADD, &request), -EFAULT);
  CHECK_EQUAL(request.pages, 1);
  CHECK_EQUAL(request.address, reinterpret_cast<uint64_t>(memory) + 4096);
  munmap(memory, 4096);
  /* more than was reserved */
  static char large[2 << 20] __attribute__((aligned(4096)));
  CHECK_EQUAL(add(reinterpret_cast<uint64_t>(large), sizeof large / 4096), -ENOMEM);
}

TEST("an arena is a power of two between its bounds, and set once") {
  Device device(0);
  for (uint64_t size : {uint64_t{0}, uint64_t{4096}, uint64_t{32768}, uint64_t{65537}, uint64_t{196608},
                        uint64_t{2} << 30, ~uint64_t{0}}) {
    pl_ioc_arena arena = {.size = size, .reserved = {}};
    CHECK_EQUAL(device.call(PL_IOC_ARENA, &arena), -EINVAL);
  }
  CHECK(mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, device.fd(), 0) == MAP_FAILED);
  pl_ioc_arena arena = {.size = 65536, .reserved = {}};
  CHECK_EQUAL(device.call(PL_IOC_ARENA, &arena), 0);
  CHECK_EQUAL(device.call(PL_IOC_ARENA, &arena), -EBUSY);
}

TEST("an arena of 64 MiB is all there and zero") {
  Device device(64 << 20);
  const uint64_t* words = reinterpret_cast<uint64_t*>(device.arena());
  for (size_t at = 0; at < (64 << 20) / 8; at += 64) CHECK_EQUAL(words[at], 0);
  int handle = device.make((64 << 20) - kWindow);
  CHECK_EQUAL(device.run(handle, (64 << 20) - kWindow, DO_EXIT, 9).detail, 9);
}

TEST("an arena that memory has no room for is ENOMEM, and what was taken for it comes back") {
  Device device(0);
  pl_ioc_arena arena = {.size = 1 << 30, .reserved = {}};
  CHECK_EQUAL(device.call(PL_IOC_ARENA, &arena), -ENOMEM); /* this machine has half of that */
  arena.size = 64 << 20;
  CHECK_EQUAL(device.call(PL_IOC_ARENA, &arena), 0);
}

TEST("the arena is mapped whole, shared, and never as code") {
  Device device(65536);
  auto refused = [&](size_t size, int protection, int flags, off_t offset) {
    void* mapped = mmap(nullptr, size, protection, flags, device.fd(), offset);
    if (mapped != MAP_FAILED) munmap(mapped, size);
    return mapped == MAP_FAILED;
  };
  CHECK(!refused(65536, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
  CHECK(!refused(65536, PROT_READ, MAP_SHARED, 0));
  CHECK(refused(65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0));
  CHECK(refused(65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, 0));
  CHECK(refused(131072, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
  CHECK(refused(4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
  CHECK(refused(65536, PROT_READ | PROT_WRITE, MAP_SHARED, 4096));
  CHECK(refused(65536, PROT_READ | PROT_WRITE, MAP_SHARED, off_t{1} << 32));
  CHECK(mprotect(device.arena(), 65536, PROT_READ | PROT_EXEC) != 0);
  CHECK(mremap(device.arena(), 65536, 131072, MREMAP_MAYMOVE) == MAP_FAILED);
}

TEST("a child does not inherit the mapping, and its descriptor is the parent's") {
  Device device(65536);
  device.window(0).unused = 0x5ec2e7;
  pid_t child = fork();
  if (!child) {
    unsigned char present;
    bool mapped = mincore(device.arena(), 4096, &present) == 0;
    void* again = mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, device.fd(), 0);
    bool same = again != MAP_FAILED && static_cast<Window*>(again)->unused == 0x5ec2e7;
    _exit(mapped ? 1 : same ? 0 : 2);
  }
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  int handle = device.make(0);
  CHECK_EQUAL(device.run(handle, 0, DO_EXIT, 0).reason, PL_LEFT_EXIT);
}

TEST("a window is a naturally aligned power of two within the arena") {
  Device device(1 << 20);
  auto create = [&](pl_ioc_window window, int which = 0) {
    pl_ioc_create request = {};
    request.reserve = 1 << 20;
    request.contexts = 1;
    request.window[which] = window;
    int error = device.call(PL_IOC_CREATE, &request);
    if (!error) CHECK_EQUAL(device.destroy(request.handle), 0);
    return error;
  };
  for (int which = 0; which < 3; which++) {
    CHECK_EQUAL(create({0, 4096}, which), 0);
    CHECK_EQUAL(create({0, 1 << 20}, which), 0);
    CHECK_EQUAL(create({1 << 19, 1 << 19}, which), 0);
    CHECK_EQUAL(create({0, 2048}, which), -EINVAL);
    CHECK_EQUAL(create({0, 12288}, which), -EINVAL);
    CHECK_EQUAL(create({4096, 8192}, which), -EINVAL);
    CHECK_EQUAL(create({1, 4096}, which), -EINVAL);
    CHECK_EQUAL(create({4096, 0}, which), -EINVAL);
    CHECK_EQUAL(create({1 << 20, 4096}, which), -EINVAL);
    CHECK_EQUAL(create({0, 2 << 20}, which), -EINVAL);
    CHECK_EQUAL(create({0xfffff000, 4096}, which), -EINVAL);
    CHECK_EQUAL(create({0x80000000, 0x80000000}, which), -EINVAL);
  }
  Device bare(0);
  pl_ioc_create request = {};
  request.reserve = 1 << 20;
  request.contexts = 1;
  request.window[0] = {0, 4096};
  CHECK_EQUAL(bare.call(PL_IOC_CREATE, &request), -EINVAL);
}

TEST("a piece of the arena is in one enclave at a time") {
  Device device;
  int handle = device.make(0);
  CHECK_EQUAL(device.make(0), -EBUSY);
  uint64_t id = device.make_template(1, kWindow);
  CHECK_EQUAL(device.spawn(id, 0, DO_EXIT, 0).reason, -EBUSY);
  pl_ioc_spawn spawn = {};
  spawn.template_id = id;
  spawn.window[0] = {kWindow, kWindow};
  spawn.window[1] = {kWindow, kWindow};
  CHECK_EQUAL(device.call(PL_IOC_SPAWN, &spawn), -EBUSY);
  spawn.window[1] = {0, 2 * kWindow};
  CHECK_EQUAL(device.call(PL_IOC_SPAWN, &spawn), -EBUSY);
  spawn.window[1] = {0, 1 << 20};
  CHECK_EQUAL(device.call(PL_IOC_SPAWN, &spawn), -EBUSY);
  /* ... and after each of these the first piece is still free */
  device.window(kWindow).command = DO_EXIT;
  spawn.window[1] = {1 << 19, 1 << 19};
  CHECK_EQUAL(device.call(PL_IOC_SPAWN, &spawn), 0);
  CHECK_EQUAL(device.run(handle, 0, DO_EXIT, 0).reason, PL_LEFT_EXIT);
  CHECK_EQUAL(device.spawn(id, 0, DO_EXIT, 0).reason, -EBUSY); /* ended, but not destroyed */
  CHECK_EQUAL(device.destroy(handle), 0);
  CHECK_EQUAL(device.spawn(id, 0, DO_EXIT, 0).reason, PL_LEFT_EXIT);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("file input and output work directly in a window") {
  Device device;
  int pipes[2];
  CHECK_EQUAL(pipe(pipes), 0);
  CHECK_EQUAL(write(pipes[1], "hello", 5), 5);
  CHECK_EQUAL(read(pipes[0], device.arena() + 100, 5), 5);
  CHECK(!std::memcmp(device.arena() + 100, "hello", 5));
  /* pages that the kernel still holds when the arena goes are not lost and not reused early */
  iovec piece = {device.arena(), 4096};
  CHECK_EQUAL(vmsplice(pipes[1], &piece, 1, 0), 4096);
  {
    Device away(65536);
    std::memset(away.arena(), 0x5a, 4096);
    iovec held = {away.arena(), 4096};
    CHECK_EQUAL(vmsplice(pipes[1], &held, 1, 0), 4096);
  }
  static unsigned char back[8192];
  CHECK_EQUAL(read(pipes[0], back, 8192), 8192);
  for (int i = 0; i < 4096; i++) CHECK_EQUAL(back[4096 + i], 0x5a);
  close(pipes[0]);
  close(pipes[1]);
}

TEST("threads that make, run and destroy the same handles at once lose nothing") {
  uint64_t free_bytes = Device(0).stat().pool_free;
  {
    Device device;
    uint64_t id = device.make_template(1, 128 * kWindow);
    std::atomic<bool> stop = false;
    std::thread threads[4];
    for (uint32_t n = 0; n < 4; n++)
      threads[n] = std::thread([&, n] {
        std::mt19937 random(n);
        while (!stop) {
          uint32_t offset = random() % 8 * kWindow;
          device.window(offset).command = random() % 2 ? DO_DOORBELL : DO_EXIT;
          switch (random() % 4) {
            case 0:
              device.spawn(id, offset);
              break;
            case 1:
              device.run(random() % 8, random() % 2 ? PL_RUN_DESTROY : 0);
              break;
            case 2:
              device.destroy(random() % 8);
              break;
            case 3: {
              pl_ioc_inspect inspect = {};
              inspect.handle = random() % 8;
              device.call(PL_IOC_INSPECT, &inspect);
            }
          }
        }
      });
    usleep(1000000);
    stop = true;
    for (std::thread& thread : threads) thread.join();
    CHECK_EQUAL(device.remove(id), 0);
  }
  CHECK(pool_returns_to(free_bytes));
}

TEST("random calls with random arguments, a hundred thousand of them, lose nothing") {
  uint64_t free_bytes = Device(0).stat().pool_free;
  {
    Device device;
    uint64_t id = device.make_template(1, 128 * kWindow);
    std::mt19937_64 random(42);
    static uint64_t arguments[64];
    for (uint32_t i = 0; i < 256; i++) device.window(i * kWindow).command = i % 3 ? DO_EXIT : DO_DOORBELL;
    auto value = [&]() -> uint64_t {
      switch (random() % 8) {
        case 0:
          return 0;
        case 1:
          return id;
        case 2:
          return random() % 16;
        case 3:
          return (random() % 256 * kWindow) | uint64_t{kWindow} << 32;
        case 4:
          return 1 << 20;
        case 5:
          return reinterpret_cast<uint64_t>(payload_start);
        case 6:
          return random();
        default:
          return uint64_t{1} << random() % 64;
      }
    };
    for (int i = 0; i < 100000; i++) {
      for (int word = 0; word < 12; word++) arguments[word] = value();
      if (random() % 2) arguments[0] = random() % 8;
      device.call(kCommands[random() % std::size(kCommands)], arguments);
    }
    pl_ioc_template next = {};
    while (!device.call(PL_IOC_TEMPLATE_AFTER, &next)) CHECK_EQUAL(device.remove(next.template_id), 0);
  }
  CHECK(pool_returns_to(free_bytes));
}
