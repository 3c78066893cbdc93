// SPDX-License-Identifier: BSD-2-Clause
// Small objects are cut off the current page, whatever their size, and go to a list of their size class when freed: a fork that
// allocates a few objects of many sizes touches one page. Large ones are whole pages.
#include "memory/heap.h"

#include <bit>
#include <cstring>

#include "base/address.h"
#include "base/hot.h"
#include "base/lock.h"
#include "memory/heap_state.h"
#include "memory/object_pages.h"

namespace pl {
namespace {

constexpr size_t Granule = 16;
constexpr size_t SmallLimit = 2048;
constexpr unsigned LinearClasses = 16;  // 16 .. 256 in steps of 16
constexpr unsigned Classes = LinearClasses + 12;  // then four steps for each doubling, up to 2048

struct Free {
  Free* next;
};

struct Heap {
  Free* free[Classes];
  uintptr_t current, end;  // of the page that is being cut up
  size_t pages, allocated;
};
PL_HOT_FRESH constinit Heap heap{};

// Cut up like a page while a HotObjects lives.
constexpr size_t HotBytes = 1024;
struct alignas(Granule) HotArena {
  std::byte bytes[HotBytes];
};
PL_HOT constinit HotArena hot_arena{};
size_t hot_used = 0;
bool hot_wanted = false;

unsigned class_of(size_t bytes) {
  if (bytes <= LinearClasses * Granule) return unsigned((bytes + Granule - 1) / Granule) - 1;
  unsigned log = 63 - unsigned(std::countl_zero(bytes - 1));  // 8 for 257..512
  return LinearClasses + (log - 8) * 4 + unsigned((bytes - 1) >> (log - 2) & 3);
}

size_t class_size(unsigned c) {
  if (c < LinearClasses) return (c + 1) * Granule;
  unsigned log = 8 + (c - LinearClasses) / 4;
  return (size_t(1) << log) + (((c - LinearClasses) % 4 + 1) << (log - 2));
}

// What is left of a page goes to the lists, largest class first.
void retire_current() {
  while (heap.end - heap.current >= Granule) {
    size_t left = heap.end - heap.current;
    unsigned c = left >= SmallLimit ? Classes - 1 : class_of(left);
    if (class_size(c) > left) c--;
    auto* piece = reinterpret_cast<Free*>(heap.current);
    piece->next = heap.free[c];
    heap.free[c] = piece;
    heap.current += class_size(c);
  }
}

bool is_large(size_t bytes, size_t alignment) { return bytes > SmallLimit || alignment > Granule; }

}  // namespace

void* heap_allocate(size_t bytes, size_t alignment) {
  if (bytes == 0) bytes = 1;
  if (is_large(bytes, alignment)) {
    if (alignment > PageSize) return nullptr;
    auto pages = allocate_object_pages(pages_for(bytes));
    if (!pages) return nullptr;
    heap.pages += pages_for(bytes);
    heap.allocated += bytes;
    return *pages;
  }
  Locked lock(Rank::Heap, &heap);
  unsigned c = class_of(bytes);
  size_t size = class_size(c);
  heap.allocated += size;
  if (hot_wanted && size <= HotBytes - hot_used) {
    hot_used += size;
    return hot_arena.bytes + (hot_used - size);
  }
  if (Free* piece = heap.free[c]) {
    heap.free[c] = piece->next;
    return piece;
  }
  if (heap.end - heap.current < size) {
    auto page = allocate_object_pages(1);
    if (!page) {
      heap.allocated -= size;
      return nullptr;
    }
    heap.pages++;
    // The next page in a row goes on where the last one ended.
    if (reinterpret_cast<uintptr_t>(*page) != heap.end) {
      retire_current();
      heap.current = reinterpret_cast<uintptr_t>(*page);
    }
    heap.end = reinterpret_cast<uintptr_t>(*page) + PageSize;
  }
  auto* object = reinterpret_cast<void*>(heap.current);
  heap.current += size;
  return object;
}

void heap_free(void* pointer, size_t bytes, size_t alignment) {
  if (!pointer || is_frozen(pointer)) return;
  if (bytes == 0) bytes = 1;
  if (is_large(bytes, alignment)) {
    heap.pages -= pages_for(bytes);
    heap.allocated -= bytes;
    return free_object_pages(pointer, pages_for(bytes));
  }
  Locked lock(Rank::Heap, &heap);
  unsigned c = class_of(bytes);
  heap.allocated -= class_size(c);
  auto* piece = static_cast<Free*>(pointer);
  piece->next = heap.free[c];
  heap.free[c] = piece;
}

HotObjects::HotObjects() { hot_wanted = true; }
HotObjects::~HotObjects() { hot_wanted = false; }

void heap_seal() {
  for (unsigned c = 0; c < Classes; c++)
    while (Free* piece = heap.free[c]) {
      heap.free[c] = piece->next;
      std::memset(piece, 0, class_size(c));
    }
  heap = {};
}

HeapTotals heap_totals() { return {heap.pages, heap.allocated}; }

}  // namespace pl
