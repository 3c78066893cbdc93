// SPDX-License-Identifier: BSD-2-Clause
// Windows that several enclaves share, and the relay window, which host and enclave hand to one another.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "device.h"
#include "test.h"

using namespace pl::test;

namespace {

constexpr pl_ioc_window kShared{0x10000, 0x4000}, kRelay{0x20000, 0x2000};

// One more enclave with windows. Its ocall window is the `number`-th page.
Left spawn(Device& device, uint64_t id, uint32_t number, pl_ioc_window shared, pl_ioc_window relay, uint64_t command, uint64_t argument = 0) {
  pl_ioc_spawn spawn = {};
  spawn.template_id = id;
  spawn.window[PL_WINDOW_OCALL] = {number * kWindow, kWindow};
  spawn.window[PL_WINDOW_SHARED] = shared;
  spawn.window[PL_WINDOW_RELAY] = relay;
  spawn.handle = -2;
  device.window(number * kWindow).argument = argument;
  device.window(number * kWindow).command = command;
  int error = device.call(PL_IOC_SPAWN, &spawn);
  if (error) return {error, 0, spawn.handle};
  return {static_cast<int>(spawn.reason), spawn.detail, spawn.handle};
}

int hand(Device& device, int handle, uint32_t holder) {
  pl_ioc_relay relay = {handle, holder};
  return device.call(PL_IOC_RELAY, &relay);
}

// Whether this process can read there, asked without being killed.
bool readable(const void* address) {
  char byte;
  iovec local = {&byte, 1}, remote = {const_cast<void*>(address), 1};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

void* map(Device& device, size_t size) {
  void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, device.fd(), 0);
  CHECK(mapped != MAP_FAILED);
  return mapped;
}

}  // namespace

TEST("enclaves of one descriptor may share a window, and the host reads what they write") {
  Device device;
  uint64_t id = device.make_template(31);
  uint64_t free_bytes = device.stat().pool_free;
  Left one = spawn(device, id, 1, kShared, {}, DO_BOOT), two = spawn(device, id, 2, kShared, {}, DO_BOOT);
  CHECK(one.handle >= 0 && two.handle >= 0);
  uint64_t base = device.window(kWindow).boot.window[PL_WINDOW_SHARED].base;
  CHECK(base != 0);
  CHECK_EQUAL(device.window(2 * kWindow).boot.window[PL_WINDOW_SHARED].base, base);
  CHECK_EQUAL(device.run(one.handle, kWindow, DO_STORE, base + 8, 4711).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.run(two.handle, 2 * kWindow, DO_LOAD, base + 8).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.window(2 * kWindow).result, 4711);
  CHECK_EQUAL(reinterpret_cast<uint64_t*>(device.arena() + kShared.offset)[1], 4711);
  /* a part of it is enough, and then is all there is */
  Left part = spawn(device, id, 3, {kShared.offset + 0x1000, 0x1000}, {}, DO_LOAD, base + 0x1000);
  CHECK_EQUAL(part.reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.run(part.handle, 3 * kWindow, DO_LOAD, base).detail, PL_FAULT_ACCESS);
  for (int handle : {one.handle, two.handle, part.handle}) CHECK_EQUAL(device.destroy(handle), 0);
  CHECK_EQUAL(device.stat().pool_free, free_bytes);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("a piece is shared or someone's own, until the last that had it has ended") {
  Device device;
  uint64_t id = device.make_template(32);
  Left one = spawn(device, id, 1, kShared, {}, DO_DOORBELL), two = spawn(device, id, 2, kShared, {}, DO_DOORBELL);
  CHECK_EQUAL(device.make(kShared.offset), -EBUSY);
  CHECK_EQUAL(spawn(device, id, 3, {}, kShared, DO_DOORBELL).reason, -EBUSY);
  CHECK_EQUAL(spawn(device, id, 3, {1 * kWindow, kWindow}, {}, DO_DOORBELL).reason, -EBUSY);
  CHECK_EQUAL(device.destroy(one.handle), 0);
  CHECK_EQUAL(device.make(kShared.offset + 0x3000), -EBUSY);
  CHECK_EQUAL(device.destroy(two.handle), 0);
  int own = device.make(kShared.offset + 0x3000);
  CHECK(own >= 0);
  CHECK_EQUAL(spawn(device, id, 3, kShared, {}, DO_DOORBELL).reason, -EBUSY);
  /* what was refused has left nothing claimed */
  CHECK_EQUAL(device.destroy(own), 0);
  CHECK_EQUAL(spawn(device, id, 3, kShared, kRelay, DO_EXIT).reason, PL_LEFT_EXIT);
  for (pl_ioc_window wrong : {pl_ioc_window{0x10000, 0x3000}, {0x11000, 0x2000}, {0xfff000, 0x1000}, {0x1000, 0}, {0, 0x400000}})
    CHECK_EQUAL(spawn(device, id, 3, wrong, {}, DO_EXIT).reason, -EINVAL);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("what an enclave holds in its relay window no process of the host can reach") {
  Device device;
  uint64_t id = device.make_template(33);
  char* relay = device.arena() + kRelay.offset;
  char* other = static_cast<char*>(map(device, 1 << 20)) + kRelay.offset;
  reinterpret_cast<uint64_t*>(relay)[0] = 42;
  Left left = spawn(device, id, 1, {}, kRelay, DO_BOOT);
  CHECK_EQUAL(left.reason, PL_LEFT_DOORBELL);
  uint64_t base = device.window(kWindow).boot.window[PL_WINDOW_RELAY].base;
  for (char* mapping : {relay, other}) {
    CHECK(!readable(mapping) && !readable(mapping + kRelay.size - 1));
    CHECK(readable(mapping - 1) && readable(mapping + kRelay.size));
  }
  char* late = static_cast<char*>(map(device, 1 << 20)) + kRelay.offset;
  CHECK(!readable(late) && readable(late - 1) && readable(late + kRelay.size));
  int pipes[2];
  CHECK_EQUAL(pipe(pipes), 0);
  CHECK(write(pipes[1], relay, 1) < 0 && errno == EFAULT);
  /* the enclave has it, with what the host left there */
  CHECK_EQUAL(device.run(left.handle, kWindow, DO_LOAD, base).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.window(kWindow).result, 42);
  CHECK_EQUAL(device.run(left.handle, kWindow, DO_STORE, base, 43).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(hand(device, left.handle, PL_RELAY_ENCLAVE), 0); /* it has it already */
  CHECK_EQUAL(hand(device, left.handle, PL_RELAY_HOST), 0);
  for (char* mapping : {relay, other, late}) CHECK_EQUAL(*reinterpret_cast<uint64_t*>(mapping), 43);
  *reinterpret_cast<uint64_t*>(other) = 44;
  CHECK_EQUAL(hand(device, left.handle, PL_RELAY_ENCLAVE), 0);
  for (char* mapping : {relay, other, late}) CHECK(!readable(mapping));
  CHECK_EQUAL(device.run(left.handle, kWindow, DO_LOAD, base).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.window(kWindow).result, 44);
  /* its end gives it back */
  CHECK_EQUAL(device.destroy(left.handle), 0);
  for (char* mapping : {relay, other, late}) CHECK_EQUAL(*reinterpret_cast<uint64_t*>(mapping), 44);
  /* one that ends in the call that makes it, too */
  CHECK_EQUAL(spawn(device, id, 1, {}, kRelay, DO_EXIT).reason, PL_LEFT_EXIT);
  CHECK(readable(relay));
  CHECK_EQUAL(device.remove(id), 0);
  munmap(other - kRelay.offset, 1 << 20);
  munmap(late - kRelay.offset, 1 << 20);
  close(pipes[0]);
  close(pipes[1]);
}

TEST("an enclave that touches the relay window which the host holds is ended") {
  Device device;
  uint64_t id = device.make_template(34);
  Left left = spawn(device, id, 1, {}, kRelay, DO_BOOT);
  uint64_t base = device.window(kWindow).boot.window[PL_WINDOW_RELAY].base;
  CHECK_EQUAL(hand(device, left.handle, PL_RELAY_HOST), 0);
  Left fault = device.run(left.handle, kWindow, DO_STORE, base + kRelay.size - 8, 1);
  CHECK_EQUAL(fault.reason, PL_LEFT_FAULT);
  CHECK_EQUAL(fault.detail, PL_FAULT_ACCESS);
  CHECK_EQUAL(device.destroy(left.handle), 0);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("a relay window is handed over by its own descriptor only, at rest, and whole") {
  Device device, stranger;
  uint64_t id = device.make_template(35);
  Left left = spawn(device, id, 1, {}, kRelay, DO_BOOT), plain = spawn(device, id, 2, kShared, {}, DO_DOORBELL);
  for (uint32_t holder : {PL_RELAY_HOST, PL_RELAY_ENCLAVE}) {
    CHECK_EQUAL(hand(stranger, left.handle, holder), -EBADF);
    CHECK_EQUAL(hand(device, plain.handle, holder), -EINVAL);
    CHECK_EQUAL(hand(device, -1, holder), -EBADF);
    CHECK_EQUAL(hand(device, 1 << 20, holder), -EBADF);
  }
  CHECK_EQUAL(hand(device, left.handle, 2), -EINVAL);
  CHECK_EQUAL(spawn(device, id, 3, {}, kRelay, DO_EXIT).reason, -EBUSY);
  CHECK_EQUAL(spawn(device, id, 3, {}, {kRelay.offset, 0x1000}, DO_EXIT).reason, -EBUSY);
  /* while it runs it keeps what it has */
  device.window(kWindow).command = DO_TICK;
  device.window(kWindow).result = 0;
  int reason = 0;
  std::thread runs([&] { reason = device.run(left.handle).reason; });
  while (!device.window(kWindow).result) usleep(1000);
  int refused = 0;
  for (int i = 0; i < 100; i++) refused += hand(device, left.handle, PL_RELAY_HOST) == -EBUSY;
  bool away = !readable(device.arena() + kRelay.offset);
  device.window(kWindow).command = DO_DOORBELL;
  runs.join();
  CHECK_EQUAL(reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(refused, 100);
  CHECK(away);
  /* a page that something of the host holds on to is not given away */
  CHECK_EQUAL(hand(device, left.handle, PL_RELAY_HOST), 0);
  int pipes[2];
  CHECK_EQUAL(pipe(pipes), 0);
  iovec page = {device.arena() + kRelay.offset + 0x1000, 16};
  CHECK_EQUAL(vmsplice(pipes[1], &page, 1, 0), 16);
  CHECK_EQUAL(hand(device, left.handle, PL_RELAY_ENCLAVE), -EBUSY);
  CHECK(readable(page.iov_base));
  CHECK_EQUAL(spawn(device, id, 3, {}, kRelay, DO_EXIT).reason, -EBUSY);
  close(pipes[0]);
  close(pipes[1]);
  CHECK_EQUAL(hand(device, left.handle, PL_RELAY_ENCLAVE), 0);
  CHECK_EQUAL(device.destroy(left.handle), 0);
  CHECK_EQUAL(hand(device, left.handle, PL_RELAY_HOST), -EBADF);
  CHECK_EQUAL(device.destroy(plain.handle), 0);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("host threads that read on while a relay window goes to and fro never see it while it is away") {
  Device device;
  uint64_t id = device.make_template(36);
  uint64_t free_bytes = device.stat().pool_free;
  Left left = spawn(device, id, 1, {}, kRelay, DO_DOORBELL);
  CHECK(left.handle >= 0);
  std::atomic<uint64_t> turns{1};  // odd: away
  std::atomic<bool> stop{false};
  std::atomic<int> violations{0}, seen{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; i++)
    readers.emplace_back([&, i] {
      while (!stop) {
        uint64_t before = turns;
        bool could = readable(device.arena() + kRelay.offset + 0x1000 * (i % 2));
        if (could && before % 2 && turns == before) violations++;
        if (could) seen++;
        if (i != 2) continue;
        /* mappings made at any moment */
        void* mapped = mmap(nullptr, 1 << 20, PROT_READ, MAP_SHARED, device.fd(), 0);
        if (mapped != MAP_FAILED) munmap(mapped, 1 << 20);
      }
    });
  for (int i = 0; i < 100; i++) {
    turns++;
    CHECK_EQUAL(hand(device, left.handle, PL_RELAY_HOST), 0);
    for (int before = seen, looks = 0; seen == before && looks < 1000; looks++) usleep(50);
    int error;
    /* a reader has a page for a moment: asked again */
    while ((error = hand(device, left.handle, PL_RELAY_ENCLAVE)) == -EBUSY) continue;
    CHECK_EQUAL(error, 0);
    turns++;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK_EQUAL(violations, 0);
  CHECK(seen > 0);
  CHECK_EQUAL(device.destroy(left.handle), 0);
  CHECK_EQUAL(device.stat().pool_free, free_bytes);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("an enclave that has not run yet is given the windows that it has not, each once") {
  Device device, stranger;
  uint64_t free_bytes = device.stat().pool_free;
  int handle = device.make(kWindow);
  auto give = [](Device& from, int to, uint32_t which, pl_ioc_window window) {
    pl_ioc_set_window request = {to, which, window};
    return from.call(PL_IOC_WINDOW, &request);
  };
  CHECK_EQUAL(give(stranger, handle, PL_WINDOW_SHARED, kShared), -EBADF);
  CHECK_EQUAL(give(device, handle, PL_WINDOWS, kShared), -EINVAL);
  CHECK_EQUAL(give(device, handle, PL_WINDOW_SHARED, {}), -EINVAL);
  CHECK_EQUAL(give(device, handle, PL_WINDOW_SHARED, {kShared.offset + 0x1000, 0x2000}), -EINVAL);
  CHECK_EQUAL(give(device, handle, PL_WINDOW_SHARED, {kWindow, kWindow}), -EBUSY);
  CHECK_EQUAL(give(device, handle, PL_WINDOW_OCALL, kShared), -EBUSY);
  CHECK_EQUAL(give(device, handle, PL_WINDOW_SHARED, kShared), 0);
  CHECK_EQUAL(give(device, handle, PL_WINDOW_SHARED, {0x40000, 0x1000}), -EBUSY);
  CHECK_EQUAL(give(device, handle, PL_WINDOW_RELAY, kRelay), 0);
  CHECK(!readable(device.arena() + kRelay.offset));
  CHECK_EQUAL(device.run(handle, kWindow, DO_BOOT, 0).reason, PL_LEFT_DOORBELL);
  const pl_boot& boot = device.window(kWindow).boot;
  CHECK_EQUAL(boot.window[PL_WINDOW_SHARED].size, kShared.size);
  uint64_t relay = boot.window[PL_WINDOW_RELAY].base;
  CHECK_EQUAL(device.run(handle, kWindow, DO_STORE, relay, 99).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(hand(device, handle, PL_RELAY_HOST), 0);
  CHECK_EQUAL(*reinterpret_cast<uint64_t*>(device.arena() + kRelay.offset), 99);
  CHECK_EQUAL(device.destroy(handle), 0);
  /* the pieces are free again */
  handle = device.make(kRelay.offset);
  CHECK_EQUAL(give(device, handle, PL_WINDOW_RELAY, {kShared.offset, 0x1000}), 0);
  CHECK_EQUAL(device.destroy(handle), 0);
  CHECK(readable(device.arena() + kShared.offset));
  CHECK_EQUAL(device.stat().pool_free, free_bytes);
}

TEST("a call that is told to return at once makes and runs nothing") {
  Device device;
  uint64_t id = device.make_template(37);
  pl_ioc_stat before = device.stat();
  CHECK_EQUAL(device.spawn(id, kWindow, PL_RUN_RETURN).reason, -EINTR);
  CHECK_EQUAL(device.spawn(id, kWindow, PL_RUN_RETURN | PL_SPAWN_KEEP).reason, -EINTR);
  CHECK_EQUAL(device.spawn(id, kWindow, PL_RUN_RETURN | 4).reason, -EINVAL);
  CHECK_EQUAL(device.stat().forks, before.forks);
  int handle = device.make(kWindow);
  CHECK_EQUAL(device.run(handle, PL_RUN_RETURN | PL_RUN_EVENT).reason, -EINTR);
  CHECK_EQUAL(device.run(handle, PL_RUN_RETURN | 4).reason, -EINVAL);
  CHECK_EQUAL(device.stat().switches, before.switches);
  CHECK_EQUAL(device.destroy(handle), 0);
  CHECK_EQUAL(device.remove(id), 0);
}
