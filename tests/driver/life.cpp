// SPDX-License-Identifier: BSD-2-Clause
// What the device is for: enclaves made, run and ended; templates published, found, forked and removed.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "device.h"
#include "test.h"

using namespace pl::test;

TEST("an enclave runs and its exit status comes back") {
  Device device;
  int handle = device.make(0);
  CHECK(handle >= 0);
  Left left = device.run(handle, 0, DO_EXIT, 42);
  CHECK_EQUAL(left.reason, PL_LEFT_EXIT);
  CHECK_EQUAL(left.detail, 42);
  CHECK_EQUAL(device.run(handle).reason, -EPROTO);
  CHECK_EQUAL(device.destroy(handle), 0);
  CHECK_EQUAL(device.run(handle).reason, -EBADF);
  CHECK_EQUAL(device.destroy(handle), -EBADF);
}

TEST("with PL_RUN_DESTROY the end takes the handle along") {
  Device device;
  int handle = device.make(0);
  device.window(0).command = DO_DOORBELL;
  CHECK_EQUAL(device.run(handle, PL_RUN_DESTROY).reason, PL_LEFT_DOORBELL);
  device.window(0).argument = 3;
  device.window(0).command = DO_EXIT;
  Left left = device.run(handle, PL_RUN_DESTROY);
  CHECK_EQUAL(left.reason, PL_LEFT_EXIT);
  CHECK_EQUAL(left.detail, 3);
  CHECK_EQUAL(device.destroy(handle), -EBADF);
}

TEST("the same pages have the same measurement, one changed byte another") {
  Device device;
  auto measure = [&](unsigned char first) {
    alignas(4096) static unsigned char page[4096];
    std::memcpy(page, payload_start, sizeof page);
    page[4095] = first;
    pl_ioc_create create = {};
    create.reserve = 1 << 20;
    create.contexts = 1;
    CHECK_EQUAL(device.call(PL_IOC_CREATE, &create), 0);
    pl_ioc_add add = {create.handle, 0, reinterpret_cast<uint64_t>(page), 1};
    pl_ioc_seal seal = {};
    seal.handle = create.handle;
    CHECK_EQUAL(device.call(PL_IOC_ADD, &add), 0);
    CHECK_EQUAL(device.call(PL_IOC_SEAL, &seal), 0);
    pl_ioc_inspect inspect = {};
    inspect.handle = create.handle;
    CHECK_EQUAL(device.call(PL_IOC_INSPECT, &inspect), 0);
    CHECK_EQUAL(inspect.state, PL_STATE_SEALED);
    CHECK(!std::memcmp(inspect.measurement, seal.measurement, sizeof seal.measurement));
    CHECK_EQUAL(device.call(PL_IOC_ADD, &add), 0); /* nothing left to add: pages is 0 now */
    add = {create.handle, 0, reinterpret_cast<uint64_t>(page), 1};
    CHECK_EQUAL(device.call(PL_IOC_ADD, &add), -EPROTO);
    CHECK_EQUAL(device.destroy(create.handle), 0);
    std::array<unsigned char, 48> result;
    std::memcpy(result.data(), seal.measurement, 48);
    return result;
  };
  auto one = measure(0), again = measure(0), other = measure(1);
  CHECK(one == again);
  CHECK(one != other);
}

TEST("thousands of pages are added, and an odd rest") {
  Device device;
  size_t pages = 1000;
  size_t size = pages * 4096;
  char* memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  std::memcpy(memory, payload_start, 4096);
  pl_ioc_create create = {};
  create.reserve = 8 << 20;
  create.contexts = 1;
  create.window[0] = {0, kWindow};
  CHECK_EQUAL(device.call(PL_IOC_CREATE, &create), 0);
  pl_ioc_add add = {create.handle, 0, reinterpret_cast<uint64_t>(memory), pages};
  int error;
  while ((error = device.call(PL_IOC_ADD, &add)) == -EINTR) continue;
  CHECK_EQUAL(error, 0);
  CHECK_EQUAL(add.pages, 0);
  CHECK_EQUAL(add.address, reinterpret_cast<uint64_t>(memory) + size);
  pl_ioc_seal seal = {};
  seal.handle = create.handle;
  CHECK_EQUAL(device.call(PL_IOC_SEAL, &seal), 0);
  CHECK_EQUAL(device.run(create.handle, 0, DO_BOOT, 0).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.window(0).boot.added_pages, pages);
  munmap(memory, size);
}

TEST("a doorbell comes back and the enclave goes on where it was") {
  Device device;
  int handle = device.make(0);
  for (int i = 0; i < 100; i++) CHECK_EQUAL(device.run(handle, 0, DO_DOORBELL, 0).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.run(handle, 0, DO_EXIT, 1).reason, PL_LEFT_EXIT);
}

TEST("a panic is a fault with its reason") {
  Device device;
  int handle = device.make(0);
  Left left = device.run(handle, 0, DO_PANIC, 0);
  CHECK_EQUAL(left.reason, PL_LEFT_FAULT);
  CHECK_EQUAL(left.detail, PL_FAULT_PANIC);
}

TEST("an enclave that reaches outside its memory ends with an access fault") {
  Device device;
  int handle = device.make(0);
  CHECK_EQUAL(device.run(handle, 0, DO_BOOT, 0).reason, PL_LEFT_DOORBELL);
  uint64_t inside = device.window(0).boot.base, window = device.window(0).boot.window[0].base;
  CHECK_EQUAL(device.run(handle, 0, DO_LOAD, inside).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.run(handle, 0, DO_LOAD, window).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.window(0).result, DO_LOAD);
  for (uint64_t outside : {uint64_t{0x10000000}, uint64_t{0x80000000}, uint64_t{0x80200000}, window + kWindow,
                           window - 8, inside + (1 << 20), inside - 8, uint64_t{0}}) {
    int victim = device.make(8 * kWindow);
    Left left = device.run(victim, 8 * kWindow, DO_LOAD, outside);
    CHECK_EQUAL(left.reason, PL_LEFT_FAULT);
    CHECK_EQUAL(left.detail, PL_FAULT_ACCESS);
    CHECK_EQUAL(device.destroy(victim), 0);
  }
}

TEST("a template forks, each fork with an id and entropy of its own, and nothing is left of them") {
  Device device;
  uint64_t id = device.make_template(1);
  uint64_t free_bytes = device.stat().pool_free, forks = device.stat().forks;
  uint64_t last_id = 0, last_entropy = 0;
  for (int i = 0; i < 50; i++) {
    Left left = device.spawn(id, kWindow, DO_BOOT, 0);
    CHECK_EQUAL(left.reason, PL_LEFT_DOORBELL);
    Window& window = device.window(kWindow);
    CHECK_EQUAL(window.result, 0xc00c1e);
    CHECK(window.boot.flags & PL_BOOT_FORKED);
    CHECK(window.boot.id != last_id);
    uint64_t entropy;
    std::memcpy(&entropy, window.boot.entropy, sizeof entropy);
    CHECK(entropy != last_entropy);
    last_id = window.boot.id;
    last_entropy = entropy;
    CHECK_EQUAL(device.run(left.handle, kWindow, DO_EXIT, 7).detail, 7);
    CHECK_EQUAL(device.destroy(left.handle), 0);
  }
  for (int i = 0; i < 50; i++) {
    Left left = device.spawn(id, kWindow, DO_EXIT, i);
    CHECK_EQUAL(left.reason, PL_LEFT_EXIT);
    CHECK_EQUAL(left.detail, i);
    CHECK_EQUAL(left.handle, -1);
  }
  CHECK_EQUAL(device.stat().pool_free, free_bytes);
  CHECK_EQUAL(device.stat().forks, forks + 100);
  CHECK_EQUAL(device.remove(id), 0);
  CHECK_EQUAL(device.remove(id), -ENOENT);
  CHECK_EQUAL(device.spawn(id, kWindow, DO_EXIT, 0).reason, -ENOENT);
}

TEST("a fork has the windows it was given and not its template's") {
  Device device;
  uint64_t id = device.make_template(1);
  pl_ioc_spawn spawn = {};
  spawn.template_id = id;
  CHECK_EQUAL(device.call(PL_IOC_SPAWN, &spawn), 0);
  CHECK_EQUAL(spawn.reason, PL_LEFT_EXIT);
  CHECK_EQUAL(spawn.detail, NO_WINDOW_STATUS);
  CHECK_EQUAL(spawn.handle, -1);
  device.window(0).unused = 1; /* the template's piece is free again */
  CHECK_EQUAL(device.spawn(id, 0, DO_EXIT, 0).reason, PL_LEFT_EXIT);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("with PL_SPAWN_KEEP an ended fork can be inspected before it is destroyed") {
  Device device;
  uint64_t id = device.make_template(1);
  device.window(kWindow).argument = 5;
  device.window(kWindow).command = DO_EXIT;
  Left left = device.spawn(id, kWindow, PL_SPAWN_KEEP);
  CHECK_EQUAL(left.reason, PL_LEFT_EXIT);
  CHECK(left.handle >= 0);
  pl_ioc_inspect inspect = {};
  inspect.handle = left.handle;
  CHECK_EQUAL(device.call(PL_IOC_INSPECT, &inspect), 0);
  CHECK_EQUAL(inspect.state, PL_STATE_EXITED);
  CHECK_EQUAL(inspect.template_id, id);
  CHECK(inspect.private_bytes > 0);
  CHECK_EQUAL(device.destroy(left.handle), 0);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("a template outlives its descriptor and is found by its key") {
  uint64_t id;
  {
    Device device;
    id = device.make_template(9);
  }
  Device device;
  pl_ioc_template found = {};
  found.key[0] = 9;
  CHECK_EQUAL(device.call(PL_IOC_FIND, &found), 0);
  CHECK_EQUAL(found.template_id, id);
  CHECK(!std::strcmp(found.name, "payload"));
  CHECK(found.bytes > 0);
  CHECK_EQUAL(found.forks_alive, 0);
  CHECK_EQUAL(device.spawn(id, 0, DO_EXIT, 0).reason, PL_LEFT_EXIT);
  CHECK_EQUAL(device.call(PL_IOC_FIND, &found), 0);
  CHECK_EQUAL(found.forks_total, 1);
  found.key[0] = 8;
  CHECK_EQUAL(device.call(PL_IOC_FIND, &found), -ENOENT);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("a key is taken once for each user, and the loser keeps its handle") {
  Device device;
  uint64_t id = device.make_template(9);
  int handle = device.make(0, PL_CREATE_FREEZABLE);
  CHECK_EQUAL(device.run(handle, 0, DO_FREEZE, 0).reason, PL_LEFT_FROZEN);
  pl_ioc_publish publish = {};
  publish.handle = handle;
  publish.group = -1;
  publish.key[0] = 9;
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EEXIST);
  publish.key[0] = 10;
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), 0);
  CHECK(publish.template_id > id);
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EBADF);
  CHECK_EQUAL(device.remove(id), 0);
  CHECK_EQUAL(device.remove(publish.template_id), 0);
}

TEST("a template's note is read as it was published, or not at all where there is no room for it") {
  Device device;
  const std::string text(PL_NOTE_MAX, 'n');
  int handle = device.make(0, PL_CREATE_FREEZABLE);
  CHECK_EQUAL(device.run(handle, 0, DO_FREEZE, 0).reason, PL_LEFT_FROZEN);
  pl_ioc_publish publish = {};
  publish.handle = handle;
  publish.group = -1;
  publish.key[0] = 11;
  publish.note = 8;
  publish.note_length = 1;
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EFAULT);
  publish.note = reinterpret_cast<uintptr_t>(text.data());
  publish.note_length = PL_NOTE_MAX + 1;
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EINVAL);
  publish.note_length = PL_NOTE_MAX;
  CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), 0);
  std::string read(PL_NOTE_MAX, 0);
  pl_ioc_note note = {};
  note.template_id = publish.template_id;
  note.address = reinterpret_cast<uintptr_t>(read.data());
  note.length = PL_NOTE_MAX - 1;
  CHECK_EQUAL(device.call(PL_IOC_NOTE, &note), -ERANGE);
  CHECK_EQUAL(note.length, PL_NOTE_MAX);
  CHECK(read[0] == 0);
  CHECK_EQUAL(device.call(PL_IOC_NOTE, &note), 0);
  CHECK(read == text);
  note.address = 8;
  CHECK_EQUAL(device.call(PL_IOC_NOTE, &note), -EFAULT);
  CHECK_EQUAL(device.remove(publish.template_id), 0);
  CHECK_EQUAL(device.call(PL_IOC_NOTE, &note), -ENOENT);
  uint64_t without = device.make_template(12);
  note.template_id = without;
  CHECK_EQUAL(device.call(PL_IOC_NOTE, &note), 0);
  CHECK_EQUAL(note.length, 0);
  CHECK_EQUAL(device.remove(without), 0);
}

TEST("templates are listed in the order of their numbers") {
  Device device;
  uint64_t ids[3] = {device.make_template(1), device.make_template(2), device.make_template(3)};
  CHECK_EQUAL(device.remove(ids[1]), 0);
  pl_ioc_template next = {};
  next.template_id = ids[0] - 1;
  CHECK_EQUAL(device.call(PL_IOC_TEMPLATE_AFTER, &next), 0);
  CHECK_EQUAL(next.template_id, ids[0]);
  CHECK_EQUAL(device.call(PL_IOC_TEMPLATE_AFTER, &next), 0);
  CHECK_EQUAL(next.template_id, ids[2]);
  CHECK_EQUAL(device.call(PL_IOC_TEMPLATE_AFTER, &next), -ENOENT);
  next.template_id = ~0ull;
  CHECK_EQUAL(device.call(PL_IOC_TEMPLATE_AFTER, &next), -ENOENT);
  CHECK_EQUAL(device.remove(ids[0]), 0);
  CHECK_EQUAL(device.remove(ids[2]), 0);
}

TEST("a template removed while a fork lives is hidden, and its memory goes with the fork") {
  Device device;
  uint64_t free_bytes = device.stat().pool_free;
  uint64_t id = device.make_template(1);
  Left left = device.spawn(id, kWindow, DO_DOORBELL, 0);
  CHECK_EQUAL(left.reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.remove(id), 0);
  CHECK_EQUAL(device.spawn(id, 2 * kWindow, DO_EXIT, 0).reason, -ENOENT);
  CHECK(device.stat().pool_free < free_bytes);
  CHECK_EQUAL(device.run(left.handle, kWindow, DO_DOORBELL, 0).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.run(left.handle, kWindow, DO_EXIT, 4).detail, 4);
  CHECK_EQUAL(device.destroy(left.handle), 0);
  CHECK(pool_returns_to(free_bytes));
}

TEST("a thousand enclaves wait in one descriptor") {
  Device device(8 << 20);
  uint64_t id = device.make_template(1);
  uint64_t free_bytes = device.stat().pool_free;
  for (uint32_t i = 1; i <= 1000; i++)
    CHECK_EQUAL(device.spawn(id, i * kWindow, DO_DOORBELL, 0).reason, PL_LEFT_DOORBELL);
  pl_ioc_template found = {};
  found.key[0] = 1;
  CHECK_EQUAL(device.call(PL_IOC_FIND, &found), 0);
  CHECK_EQUAL(found.forks_alive, 1000);
  for (int handle = 0; handle < 1000; handle += 2) CHECK_EQUAL(device.destroy(handle), 0);
  for (int handle = 1; handle < 1000; handle += 2) {
    device.window(0).command = DO_DOORBELL;
    CHECK_EQUAL(device.run(handle).reason, PL_LEFT_DOORBELL);
    CHECK_EQUAL(device.destroy(handle), 0);
  }
  CHECK_EQUAL(device.stat().pool_free, free_bytes);
  CHECK_EQUAL(device.remove(id), 0);
}

TEST("a pool used up is ENOMEM, and whole again afterwards") {
  Device device(4 << 20);
  uint64_t free_bytes = device.stat().pool_free;
  std::vector<int> handles;
  int handle;
  while ((handle = device.make(handles.size() * kWindow, 0, 1, 4 << 20)) >= 0) handles.push_back(handle);
  CHECK_EQUAL(handle, -ENOMEM);
  CHECK(handles.size() > 4);
  for (int each : handles) CHECK_EQUAL(device.destroy(each), 0);
  CHECK_EQUAL(device.stat().pool_free, free_bytes);
}

TEST("when the pool is short the least recently used idle template of the user gives way") {
  Device device;
  const uint64_t size = 8 << 20, free_bytes = device.stat().pool_free;
  auto make_large = [&](uint8_t key) {
    int handle = device.make(0, PL_CREATE_FREEZABLE, 1, size);
    CHECK(handle >= 0);
    CHECK_EQUAL(device.run(handle, 0, DO_GROW, size - (64 << 10)).reason, PL_LEFT_DOORBELL);
    CHECK_EQUAL(device.window(0).error, 0);
    return device.publish(handle, 0, key);
  };
  {
    uint64_t ids[] = {make_large(1), make_large(2), make_large(3)};
    Left alive = device.spawn(ids[0], kWindow, DO_DOORBELL, 0);
    CHECK_EQUAL(alive.reason, PL_LEFT_DOORBELL);
    CHECK_EQUAL(device.spawn(ids[1], 2 * kWindow, DO_EXIT, 0).reason, PL_LEFT_EXIT);
    /* another user takes the rest, and throws nobody out for it */
    CHECK_EQUAL(seteuid(1000), 0);
    Device other(4 << 20);
    CHECK_EQUAL(seteuid(0), 0);
    int taken = 0;
    for (uint64_t piece = size; piece >= 1 << 20; piece /= 2)
      while (other.make(taken * kWindow, 0, 1, piece) >= 0) taken++;
    int handle = device.make(3 * kWindow, 0, 1, size / 2);
    CHECK(handle >= 0);
    /* the first has a fork, the second was used last: the third is gone */
    CHECK_EQUAL(device.spawn(ids[2], 2 * kWindow, DO_EXIT, 0).reason, -ENOENT);
    CHECK_EQUAL(device.spawn(ids[1], 2 * kWindow, DO_EXIT, 0).reason, PL_LEFT_EXIT);
    pl_ioc_evicted gone = {}, next = {};
    while (!device.call(PL_IOC_EVICTED, &next)) gone = next;
    CHECK_EQUAL(gone.template_id, ids[2]);
    CHECK_EQUAL(gone.flags, PL_EVICTED_HERE);
    CHECK_EQUAL(gone.process, getpid());
    CHECK(gone.bytes >= size / 2);
    next = {};
    while (!other.call(PL_IOC_EVICTED, &next)) CHECK(next.template_id != ids[2]); /* others do not learn of it */
    CHECK_EQUAL(device.make(5 * kWindow, 0, 1, size * 4), -ENOMEM); /* not even all would do: nobody has to go */
    CHECK_EQUAL(device.spawn(ids[1], 2 * kWindow, DO_EXIT, 0).reason, PL_LEFT_EXIT);
    CHECK_EQUAL(device.destroy(handle), 0);
    CHECK_EQUAL(device.destroy(alive.handle), 0);
    CHECK_EQUAL(device.remove(ids[0]), 0);
    CHECK_EQUAL(device.remove(ids[1]), 0);
  }
  CHECK(pool_returns_to(free_bytes));
}
