// SPDX-License-Identifier: BSD-2-Clause
// The libOS's heap, in the object window. Sealed at the freeze: a fork allocates from pages of its own and never frees a template's
// object. heap_allocate() and heap_free() themselves are declared in base/ref.h.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "base/ref.h"

namespace pl {

// One object that is not counted; null when out of memory. Not for arrays.
template <class T, class... A>
T* heap_new(A&&... arguments) {
  void* memory = heap_allocate(sizeof(T), alignof(T));
  return memory ? new (memory) T(std::forward<A>(arguments)...) : nullptr;
}

template <class T>
void heap_delete(T* object) {
  if (!object) return;
  object->~T();
  heap_free(object, sizeof(T), alignof(T));
}

// While one lives, small objects are made in the hot block as long as it has room: for what every fork writes.
class HotObjects {
 public:
  HotObjects();
  ~HotObjects();
  HotObjects(const HotObjects&) = delete;
};

struct HeapTotals { size_t pages, allocated_bytes; };
HeapTotals heap_totals();

}  // namespace pl
