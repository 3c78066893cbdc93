// SPDX-License-Identifier: BSD-2-Clause
#include "hosted.h"

#include <cstdlib>
#include <cstring>

#include "base/ref.h"
#include "memory/user.h"
#include "process/wait.h"

namespace hosted {
std::vector<uint8_t> memory;
bool heap_is_full;
size_t allocations;
void reset(size_t bytes) { memory.assign(bytes, 0); }
}  // namespace hosted

namespace pl {

bool is_frozen(const void*) { return false; }
void WaitQueue::wake_all() {}

void* heap_allocate(size_t bytes, size_t alignment) {
  if (hosted::heap_is_full) return nullptr;
  ++hosted::allocations;
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}
void heap_free(void* pointer, size_t, size_t) {
  --hosted::allocations;
  std::free(pointer);
}

namespace {
uint8_t* place(UserAddress address, size_t bytes) {
  if (address.value < hosted::Base || address.value - hosted::Base > hosted::memory.size()) return nullptr;
  uint64_t offset = address.value - hosted::Base;
  return bytes <= hosted::memory.size() - offset ? hosted::memory.data() + offset : nullptr;
}
}  // namespace

ErrorOr<void> copy_from_user(void* to, UserAddress from, size_t bytes) {
  uint8_t* p = place(from, bytes);
  if (!p) return fail(Errno::Fault);
  std::memcpy(to, p, bytes);
  return {};
}
ErrorOr<void> populate_user(UserAddress, size_t) { return {}; }  // all of it is there
ErrorOr<void> copy_to_user(UserAddress to, const void* from, size_t bytes) {
  uint8_t* p = place(to, bytes);
  if (!p) return fail(Errno::Fault);
  if (bytes) std::memcpy(p, from, bytes);
  return {};
}

}  // namespace pl
