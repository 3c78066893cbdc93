// SPDX-License-Identifier: BSD-2-Clause
// Counted references that leave a template's objects alone (they are immortal) and allocation that can fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/hot.h"

namespace pl {

// memory/heap.h has the allocator; null when out of memory.
void* heap_allocate(size_t bytes, size_t alignment);
void heap_free(void* pointer, size_t bytes, size_t alignment);

class RefCounted {
 public:
  void ref() const { if (!is_frozen(this)) ++references_; }
  // With the last reference the object goes. Not inline: there are many that let go of a reference, and few that hold one by then.
  [[gnu::noinline]] void unref() const {
    if (is_frozen(this) || --references_) return;
    const size_t size = size_;
    this->~RefCounted();
    heap_free(const_cast<RefCounted*>(this), size, alignof(std::max_align_t));
  }
  uint32_t references() const { return references_; }

 protected:
  RefCounted() = default;
  virtual ~RefCounted() = default;

 private:
  template <class T> friend class Ref;
  // The size for the heap, set by make().
  mutable uint32_t references_ = 1;
  uint32_t size_ = 0;

 public:
  void set_allocated_size(uint32_t size) { size_ = size; }
};

template <class T>
class [[clang::trivial_abi]] Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T* object) : object_(object) { if (object_) object_->ref(); }
  Ref(const Ref& o) : Ref(o.object_) {}
  Ref(Ref&& o) noexcept : object_(std::exchange(o.object_, nullptr)) {}
  template <class U> requires(!__is_same(U, T) && __is_base_of(T, U))
  Ref(Ref<U> o) : object_(o.leak()) {}
  Ref& operator=(Ref o) noexcept { std::swap(object_, o.object_); return *this; }
  ~Ref() { if (object_) object_->unref(); }
  static Ref adopt(T* object) { Ref r; r.object_ = object; return r; }
  T* leak() { return std::exchange(object_, nullptr); }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const Ref& o) const { return object_ == o.object_; }

 private:
  T* object_ = nullptr;
};

// A new counted object, or ENOMEM. RefCounted must be T's first base.
template <class T, class... A>
ErrorOr<Ref<T>> make(A&&... arguments) {
  void* memory = heap_allocate(sizeof(T), alignof(std::max_align_t));
  if (!memory) return fail(Errno::NoMemory);
  T* object = new (memory) T(std::forward<A>(arguments)...);
  object->set_allocated_size(sizeof(T));
  return Ref<T>::adopt(object);
}

}  // namespace pl
