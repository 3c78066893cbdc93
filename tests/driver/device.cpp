// SPDX-License-Identifier: BSD-2-Clause
#include "device.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "test.h"

namespace pl::test {

static_assert(PL_EXTENSION == PL_SBI_EXTENSION && BOOT_WINDOW == offsetof(pl_boot, window) &&
              BOOT_SIZE == sizeof(pl_boot));
static_assert(CALL_EXIT == PL_ENCLAVE_EXIT && CALL_FAULT == PL_ENCLAVE_FAULT && CALL_LEAVE == PL_ENCLAVE_LEAVE);
static_assert(CALL_GROW == PL_ENCLAVE_GROW && CALL_EXTENT_GET == PL_ENCLAVE_EXTENT_GET &&
              CALL_FREEZE == PL_ENCLAVE_FREEZE);
static_assert(CALL_CONTEXT_START == PL_ENCLAVE_CONTEXT_START && FAULT_PANIC == PL_FAULT_PANIC);
static_assert(DO_BOOT && LEFT_DOORBELL == PL_LEFT_DOORBELL && LEFT_IDLE == PL_LEFT_IDLE);
static_assert(offsetof(Window, boot) == 64);

Device::Device(uint64_t arena_size) : fd_(open(PL_DEVICE, O_RDWR | O_CLOEXEC)), arena_size_(arena_size) {
  CHECK(fd_ >= 0);
  if (!arena_size) return;
  pl_ioc_arena arena = {.size = arena_size, .reserved = {}};
  CHECK_EQUAL(call(PL_IOC_ARENA, &arena), 0);
  void* mapped = mmap(nullptr, arena_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  CHECK(mapped != MAP_FAILED);
  arena_ = static_cast<char*>(mapped);
}

Device::~Device() {
  if (arena_) munmap(arena_, arena_size_);
  if (fd_ >= 0) close(fd_);
}

int Device::call(unsigned long command, const void* argument) {
  int result = ioctl(fd_, command, argument);
  return result < 0 ? -errno : result;
}

int Device::make(uint32_t offset, uint32_t flags, uint32_t contexts, uint64_t reserve) {
  pl_ioc_create create = {};
  create.reserve = reserve;
  create.contexts = contexts;
  create.flags = flags;
  create.window[0] = {offset, kWindow};
  int error = call(PL_IOC_CREATE, &create);
  if (error) return error;
  pl_ioc_add add = {create.handle, 0, reinterpret_cast<uint64_t>(payload_start), 1};
  pl_ioc_seal seal = {.handle = create.handle, .reserved = 0, .measurement = {}};
  error = call(PL_IOC_ADD, &add);
  if (!error) error = call(PL_IOC_SEAL, &seal);
  if (error) {
    destroy(create.handle);
    return error;
  }
  return create.handle;
}

uint64_t Device::make_template(uint8_t key, uint32_t offset, int group) {
  int handle = make(offset, PL_CREATE_FREEZABLE);
  CHECK(handle >= 0);
  return publish(handle, offset, key, group);
}

uint64_t Device::publish(int handle, uint32_t offset, uint8_t key, int group) {
  CHECK_EQUAL(run(handle, offset, DO_FREEZE, 0xc00c1e).reason, PL_LEFT_FROZEN);
  pl_ioc_publish publish = {};
  publish.handle = handle;
  publish.group = group;
  publish.key[0] = key;
  std::strcpy(publish.name, "payload");
  CHECK_EQUAL(call(PL_IOC_PUBLISH, &publish), 0);
  CHECK(publish.template_id != 0);
  return publish.template_id;
}

Left Device::run(int handle, uint32_t flags, uint32_t context) {
  pl_ioc_run run = {};
  run.handle = handle;
  run.context = context;
  run.flags = flags;
  int error = call(PL_IOC_RUN, &run);
  if (error) return {error, 0, handle};
  return {static_cast<int>(run.reason), run.detail, handle};
}

Left Device::run(int handle, uint32_t offset, uint64_t command, uint64_t argument, uint64_t second) {
  window(offset).argument = argument;
  window(offset).second = second;
  window(offset).command = command;
  return run(handle);
}

Left Device::spawn(uint64_t template_id, uint32_t offset, uint32_t flags) {
  pl_ioc_spawn spawn = {};
  spawn.template_id = template_id;
  spawn.window[0] = {offset, kWindow};
  spawn.flags = flags;
  spawn.handle = -2;
  int error = call(PL_IOC_SPAWN, &spawn);
  if (error) return {error, 0, spawn.handle};
  return {static_cast<int>(spawn.reason), spawn.detail, spawn.handle};
}

Left Device::spawn(uint64_t template_id, uint32_t offset, uint64_t command, uint64_t argument) {
  window(offset).argument = argument;
  window(offset).command = command;
  return spawn(template_id, offset);
}

int Device::destroy(int handle) { return call(PL_IOC_DESTROY, &handle); }
int Device::remove(uint64_t template_id) { return call(PL_IOC_REMOVE, &template_id); }

pl_ioc_stat Device::stat() {
  pl_ioc_stat stat = {};
  CHECK_EQUAL(call(PL_IOC_STAT, &stat), 0);
  return stat;
}

bool pool_returns_to(uint64_t free_bytes) {
  Device device(0);
  for (int i = 0; i < 100; i++) {
    if (device.stat().pool_free == free_bytes) return true;
    usleep(10000);
  }
  std::printf("    %lld bytes of the pool are lost\n", static_cast<long long>(free_bytes - device.stat().pool_free));
  return false;
}

}  // namespace pl::test
