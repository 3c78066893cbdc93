// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "base/address.h"
#include "memory/heap.h"
#include "memory/heap_state.h"
#include "memory/object_pages.h"

namespace pl {
namespace {
size_t pages_taken, page_limit = ~size_t(0);
uintptr_t frozen_start, frozen_end;
std::vector<void*>& pages = *new std::vector<void*>;  // the heap never gives small ones back
}  // namespace
ErrorOr<void*> allocate_object_pages(size_t count) {
  if (pages_taken + count > page_limit) return fail(Errno::NoMemory);
  pages_taken += count;
  void* memory = std::aligned_alloc(PageSize, count * PageSize);
  std::memset(memory, 0, count * PageSize);
  pages.push_back(memory);
  return memory;
}
void free_object_pages(void* address, size_t count) {
  pages_taken -= count;
  std::erase(pages, address);
  std::free(address);
}
bool is_frozen(const void* object) {
  auto at = reinterpret_cast<uintptr_t>(object);
  return at >= frozen_start && at < frozen_end;
}
void panic(const char*, ...) { std::abort(); }
}  // namespace pl

using namespace pl;

Test(heap, objects_of_every_size_are_apart_and_aligned) {
  std::mt19937 random(1);
  struct Piece { unsigned char* at; size_t bytes; unsigned char mark; };
  std::vector<Piece> live;
  for (int round = 0; round < 20000; round++) {
    if (live.size() > 300 || (!live.empty() && random() % 3 == 0)) {
      size_t i = random() % live.size();
      for (size_t j = 0; j < live[i].bytes; j++) cr_assert_eq(live[i].at[j], live[i].mark);
      heap_free(live[i].at, live[i].bytes, 16);
      live[i] = live.back();
      live.pop_back();
    } else {
      size_t bytes = random() % 10 ? random() % 600 + 1 : random() % 9000 + 1;
      auto* at = static_cast<unsigned char*>(heap_allocate(bytes, 16));
      cr_assert_not_null(at);
      cr_assert_eq(reinterpret_cast<uintptr_t>(at) % 16, 0u);
      live.push_back({at, bytes, static_cast<unsigned char>(round)});
      std::memset(at, round, bytes);
    }
  }
}

Test(heap, a_few_objects_of_many_sizes_take_one_page) {
  for (size_t bytes : {16, 40, 100, 200, 300, 500, 700}) cr_assert_not_null(heap_allocate(bytes, 16));
  cr_assert_eq(pages_taken, 1u);
}

Test(heap, out_of_memory_is_null) {
  page_limit = 0;
  cr_assert_null(heap_allocate(10, 16));
  cr_assert_null(heap_allocate(10000, 16));
}

Test(heap, after_the_seal_nothing_is_put_beside_or_in_place_of_what_there_was) {
  void* old = heap_allocate(64, 16);
  void* freed = heap_allocate(64, 16);
  heap_free(freed, 64, 16);
  heap_seal();
  frozen_start = reinterpret_cast<uintptr_t>(old) & ~uintptr_t(PageSize - 1);
  frozen_end = frozen_start + PageSize;
  for (int i = 0; i < 100; i++) cr_assert(!is_frozen(heap_allocate(64, 16)));
  heap_free(old, 64, 16);
  for (int i = 0; i < 100; i++) cr_assert_neq(heap_allocate(64, 16), old);
}

Test(heap, what_was_freed_before_the_seal_is_zero_after_it) {
  for (size_t bytes : {16, 100, 300, 2048}) {
    auto* kept = static_cast<unsigned char*>(heap_allocate(bytes, 16));
    auto* freed = static_cast<unsigned char*>(heap_allocate(bytes, 16));
    std::memset(kept, 0xa5, bytes);
    std::memset(freed, 0xa5, bytes);
    heap_free(freed, bytes, 16);
    heap_seal();
    for (size_t i = 0; i < bytes; i++) cr_assert(freed[i] == 0 && kept[i] == 0xa5, "byte %zu of %zu", i, bytes);
  }
}
