// SPDX-License-Identifier: BSD-2-Clause
#include "machine.h"

#include <cstdlib>

#include "arch/context.h"
#include "arch/fp.h"
#include "arch/monitor.h"
#include "arch/user_copy.h"
#include "base/log.h"
#include "fs/file.h"
#include "memory/frame_allocator.h"
#include "memory/object_window.h"
#include "memory/page_table.h"

namespace pl {
namespace {

constexpr uint64_t MemoryBytes = 128 << 20;
alignas(4096) std::byte physical[MemoryBytes];
pl_boot boot;
uint64_t granted;         // of the base region
uint64_t next_extent;
unsigned extents_left;
uint64_t extent_count;
object_window::Window the_window;
bool forked;

}  // namespace

void* frame_pointer(PhysicalAddress frame) {
  if (frame.value < machine::Base || frame.value >= machine::Base + MemoryBytes) std::abort();
  return physical + (frame.value - machine::Base);
}

const pl_boot& boot_parameters() { return boot; }
MemoryLimits current_memory_limits() { return machine::limits; }

namespace monitor {
Result<uint64_t> grow(uint64_t bytes) {
  if (boot.base_size + granted + bytes > boot.base_reserve) return std::unexpected(Status::NoMemory);
  std::memset(frame_pointer(PhysicalAddress(machine::Base + granted)), 0, bytes);
  granted += bytes;
  return granted;
}
Result<PhysicalAddress> extent_get(uint64_t bytes) {
  if (!extents_left) return std::unexpected(Status::NoEntry);
  uint64_t base = (next_extent + bytes - 1) & ~(bytes - 1);
  if (base + bytes > machine::Base + MemoryBytes) return std::unexpected(Status::NoMemory);
  next_extent = base + bytes;
  extents_left--;
  extent_count++;
  std::memset(frame_pointer(PhysicalAddress(base)), 0, bytes);
  return PhysicalAddress(base);
}
void fault(uint32_t) { std::abort(); }
}  // namespace monitor

namespace object_window {
Window& window() { return the_window; }
bool shadow_of_template() { return forked; }
void copy_kernel_entries(PhysicalAddress) {}
}  // namespace object_window

// The test's files are never opened.
size_t File::describe(char*, size_t) { return 0; }
void File::forget_epoll_items() {}
void File::forget_owner() {}
unsigned async::watched_files;

bool is_frozen(const void*) { return false; }
namespace {
unsigned heap_left = ~0u;
}
void* heap_allocate(size_t bytes, size_t alignment) {
  if (heap_left == 0) return nullptr;
  heap_left--;
  return std::aligned_alloc(alignment < 16 ? 16 : alignment, round_up(bytes ? bytes : 1, 16));
}
void heap_free(void* pointer, size_t, size_t) { std::free(pointer); }
void panic(const char*, ...) { std::abort(); }
void log_line(const char*, ...) {}
uint64_t read_fp_register(unsigned) { return 0x4009000000000000; }
namespace { uint64_t last_fp[2]; }
void write_fp_register(unsigned number, uint64_t value) { last_fp[0] = number, last_fp[1] = value; }

extern "C" {
static size_t copy(std::byte* to, const std::byte* from, size_t bytes, bool to_user, bool from_user) {
  for (; bytes; bytes--, to++, from++) {
    auto place = [](const std::byte* p, FaultAccess access) -> std::byte* {
      auto at = this_context().address_space->translate(UserAddress(reinterpret_cast<uint64_t>(p)), access);
      return at ? static_cast<std::byte*>(frame_pointer(at->page())) + at->page_offset() : nullptr;
    };
    std::byte* d = to_user ? place(to, FaultAccess::Write) : to;
    const std::byte* s = from_user ? place(from, FaultAccess::Read) : from;
    if (!d || !s) return bytes;
    *d = *s;
  }
  return 0;
}
// The tests' program lives in the lowest 64 GiB; this machine's own memory is above.
static bool is_user(const void* p) { return reinterpret_cast<uint64_t>(p) < (uint64_t(1) << 36); }
}

namespace machine {

MemoryLimits limits;

void start_cold(uint64_t reserve) {
  limits = {~uint64_t(0), ~uint64_t(0), ~uint64_t(0), 8 << 20};
  this_context().address_space = nullptr;
  forked = false;
  granted = 0;
  extents_left = 9;
  extent_count = 0;
  next_extent = Base + (64 << 20);
  boot = {};
  boot.base = Base;
  boot.base_reserve = reserve;
  uint64_t counts_bytes = round_up(reserve / PageSize * 4, PageSize);
  (void)monitor::grow(counts_bytes + 4 * PageSize);
  PhysicalAddress zero(Base + counts_bytes);
  frames::start_cold(PhysicalAddress(Base), PhysicalAddress(Base), static_cast<uint32_t*>(frame_pointer(PhysicalAddress(Base))), zero + PageSize,
                     PhysicalAddress(Base + granted), PhysicalAddress(Base + reserve));
  frames::set_zero_frame(zero);
}

void become_fork() {
  frames::seal();
  forked = true;
  boot.base_size = granted;
  boot.extent = next_extent;
  boot.extent_size = 65536;
  next_extent += 65536;
  std::memset(frame_pointer(PhysicalAddress(boot.extent)), 0, 65536);
  frames::start_fork(boot, PhysicalAddress(boot.extent + PageSize), PhysicalAddress(boot.extent));
}

void limit_heap(unsigned more) { heap_left = more; }
void limit_extents(unsigned more) { extents_left = more; }
uint64_t extents_given() { return extent_count; }

uint64_t frames_in_use() {
  uint64_t used = 0;
  frames::for_each_used([](void* n, PhysicalAddress frame) {
    if (!frame_is_frozen(frame) && frames::references(frame)) ++*static_cast<uint64_t*>(n);
  }, &used);
  return used;
}

namespace {
int access(uint64_t address, FaultAccess how, std::byte*& place) {
  AddressSpace* space = this_context().address_space;
  for (int tries = 0; tries < 3; tries++) {
    if (auto at = space->translate(UserAddress(address), how)) {
      place = static_cast<std::byte*>(frame_pointer(at->page())) + at->page_offset();
      return 0;
    }
    auto fault = space->handle_fault(UserAddress(address), how);
    if (!fault) return -int(fault.error());
    if (fault->signal) return fault->signal;
  }
  return -1;
}
}  // namespace

int read_byte(uint64_t address, uint8_t& value) {
  std::byte* place;
  if (int signal = access(address, FaultAccess::Read, place)) return signal;
  value = uint8_t(*place);
  return 0;
}
int write_byte(uint64_t address, uint8_t value) {
  std::byte* place;
  if (int signal = access(address, FaultAccess::Write, place)) return signal;
  *place = std::byte(value);
  return 0;
}
int read(uint64_t address, void* to, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    if (int signal = read_byte(address + i, static_cast<uint8_t*>(to)[i])) return signal;
  return 0;
}
int write(uint64_t address, const void* from, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    if (int signal = write_byte(address + i, static_cast<const uint8_t*>(from)[i])) return signal;
  return 0;
}

ErrorOr<Ref<File>> MemoryFile::open(Ref<Inode>, uint32_t) { return fail(Errno::Invalid); }
ErrorOr<FrameRef> MemoryFile::page(uint64_t index, bool) {
  asked++;
  if (index >= pages_) return fail(Errno::NoDeviceAddress);
  if (frames.size() <= index) frames.resize(index + 1);
  if (!frames[index]) {
    frames[index] = TRY(FrameRef::allocate());
    std::memset(frames[index].data(), int('a' + index), PageSize);
  }
  return frames[index];
}

}  // namespace machine

extern "C" {
size_t user_copy(void* to, const void* from, size_t bytes) {
  return copy(static_cast<std::byte*>(to), static_cast<const std::byte*>(from), bytes, is_user(to), is_user(from));
}
size_t user_zero(void* to, size_t bytes) {
  std::byte zero{};
  auto* d = static_cast<std::byte*>(to);
  while (bytes && !copy(d, &zero, 1, true, false)) d++, bytes--;
  return bytes;
}
size_t user_copy_string(char* to, const char* from, size_t bytes) {
  for (; bytes; bytes--, to++, from++) {
    if (user_copy(to, from, 1)) return bytes;
    if (!*to) return bytes - 1;
  }
  return 0;
}
AtomicResult user_load(const void* from) {
  uint32_t value;
  if (user_copy(&value, from, 4)) return {-1, 0};
  return {0, value};
}
AtomicResult user_compare_exchange(void* at, uint32_t expected, uint32_t desired) {
  uint32_t value;
  if (user_copy(&value, at, 4)) return {-1, 0};
  if (value == expected && user_copy(at, &desired, 4)) return {-1, 0};
  return {0, value};
}
}

}  // namespace pl
