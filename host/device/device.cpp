// SPDX-License-Identifier: BSD-2-Clause
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include "device/arena.h"
#include "device/device.h"

struct pl_device {
  pl_backend backend = nullptr;  // null: the kernel, through descriptor
  void* context = nullptr;
  int descriptor = -1;
  char* memory = nullptr;
  size_t size = 0;
  std::mutex arena_lock;
  pl::Arena arena;

  ~pl_device() {
    if (descriptor < 0) return;
    if (memory) munmap(memory, size);
    close(descriptor);
  }
};

namespace {

int control(pl_device* device, unsigned long request, void* argument) {
  if (device->backend) return device->backend(device->context, request, argument);
  return ioctl(device->descriptor, request, argument) < 0 ? -errno : 0;
}

int control_through_signals(pl_device* device, unsigned long request, void* argument) {
  int code;
  do code = control(device, request, argument);
  while (code == -EINTR);
  return code;
}

}  // namespace

int pl_device_open(const char* path, size_t arena_size, pl_device** out) {
  auto device = std::unique_ptr<pl_device>(new (std::nothrow) pl_device);
  if (!device) return -ENOMEM;
  device->descriptor = open(path ? path : PL_DEVICE, O_RDWR | O_CLOEXEC);
  if (device->descriptor < 0) return -errno;
  pl_ioc_arena arena{arena_size, {0, 0}};
  if (ioctl(device->descriptor, PL_IOC_ARENA, &arena) < 0) return -errno;
  void* memory = mmap(nullptr, arena_size, PROT_READ | PROT_WRITE, MAP_SHARED, device->descriptor, 0);
  if (memory == MAP_FAILED) return -errno;
  device->memory = static_cast<char*>(memory);
  device->size = arena_size;
  device->arena = pl::Arena(arena_size);
  *out = device.release();
  return 0;
}

int pl_device_simulate(pl_backend backend, void* context, void* arena, size_t arena_size, pl_device** out) {
  auto device = std::unique_ptr<pl_device>(new (std::nothrow) pl_device);
  if (!device) return -ENOMEM;
  device->backend = backend;
  device->context = context;
  device->memory = static_cast<char*>(arena);
  device->size = arena_size;
  device->arena = pl::Arena(arena_size);
  *out = device.release();
  return 0;
}

void pl_device_close(pl_device* device) { delete device; }

int pl_device_descriptor(const pl_device* device) { return device->descriptor; }
int pl_device_stat(pl_device* device, pl_ioc_stat* stat) { return control(device, PL_IOC_STAT, stat); }

int pl_window_take(pl_device* device, uint32_t size, pl_ioc_window* window) {
  if (!std::has_single_bit(size) || size < PL_PAGE_SIZE) return -EINVAL;
  std::lock_guard guard(device->arena_lock);
  auto offset = device->arena.take(size);
  if (!offset) return -ENOSPC;
  *window = {static_cast<uint32_t>(*offset), size};
  return 0;
}

void pl_window_give(pl_device* device, pl_ioc_window window) {
  std::lock_guard guard(device->arena_lock);
  device->arena.give(window.offset, window.size);
}

void* pl_window_address(pl_device* device, pl_ioc_window window) { return device->memory + window.offset; }

int pl_enclave_create(pl_device* device, pl_ioc_create* create) {
  return control_through_signals(device, PL_IOC_CREATE, create);
}

int pl_enclave_add(pl_device* device, int handle, const void* pages, size_t count) {
  pl_ioc_add add{handle, 0, reinterpret_cast<uintptr_t>(pages), count};
  // The driver advances the structure, so an interrupted call goes on where it stopped.
  return control_through_signals(device, PL_IOC_ADD, &add);
}

int pl_enclave_seal(pl_device* device, int handle, uint8_t measurement[PL_MEASUREMENT_SIZE]) {
  pl_ioc_seal seal{};
  seal.handle = handle;
  if (int code = control_through_signals(device, PL_IOC_SEAL, &seal); code < 0) return code;
  std::memcpy(measurement, seal.measurement, PL_MEASUREMENT_SIZE);
  return 0;
}

int pl_enclave_run(pl_device* device, pl_ioc_run* run) { return control(device, PL_IOC_RUN, run); }

int pl_enclave_inspect(pl_device* device, pl_ioc_inspect* inspect) { return control(device, PL_IOC_INSPECT, inspect); }

int pl_enclave_relay(pl_device* device, int handle, uint32_t holder) {
  pl_ioc_relay relay{handle, holder};
  return control(device, PL_IOC_RELAY, &relay);
}

int pl_enclave_window(pl_device* device, int handle, uint32_t which, pl_ioc_window window) {
  pl_ioc_set_window request{handle, which, window};
  return control(device, PL_IOC_WINDOW, &request);
}

int pl_enclave_destroy(pl_device* device, int handle) {
  __s32 value = handle;
  return control_through_signals(device, PL_IOC_DESTROY, &value);
}

int pl_template_publish(pl_device* device, pl_ioc_publish* publish) {
  return control_through_signals(device, PL_IOC_PUBLISH, publish);
}

int pl_template_find(pl_device* device, pl_ioc_template* found) { return control(device, PL_IOC_FIND, found); }

int pl_template_after(pl_device* device, pl_ioc_template* found) {
  return control(device, PL_IOC_TEMPLATE_AFTER, found);
}

int pl_template_note(pl_device* device, pl_ioc_note* note) { return control(device, PL_IOC_NOTE, note); }
int pl_template_evicted(pl_device* device, pl_ioc_evicted* evicted) { return control(device, PL_IOC_EVICTED, evicted); }

int pl_template_remove(pl_device* device, uint64_t template_id) {
  __u64 value = template_id;
  return control_through_signals(device, PL_IOC_REMOVE, &value);
}

int pl_template_spawn(pl_device* device, pl_ioc_spawn* spawn) { return control(device, PL_IOC_SPAWN, spawn); }
