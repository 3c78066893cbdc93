// SPDX-License-Identifier: BSD-2-Clause
#include "net/message.h"

#include <algorithm>
#include <cstring>

#include "net/endpoint.h"

namespace pl {

// ---- rights ----

ErrorOr<Rights*> Rights::create(unsigned capacity) {
  void* memory = heap_allocate(sizeof(Rights) + capacity * sizeof(File*), alignof(Rights));
  if (!memory) return fail(Errno::NoMemory);
  auto rights = new (memory) Rights{};
  rights->capacity = capacity;
  return rights;
}

void Rights::add(Ref<File> file) {
  file->hold();
  files[count++] = file.leak();
}

Rights* Rights::clone() const {
  auto copy = create(count);
  if (!copy) return nullptr;
  for (unsigned i = 0; i < count; i++) (*copy)->add(Ref<File>(files[i]));
  return *copy;
}

void Rights::destroy(Rights* rights) {
  if (!rights) return;
  size_t bytes = sizeof(Rights) + rights->capacity * sizeof(File*);
  for (unsigned i = 0; i < rights->count; i++) {
    rights->files[i]->let_go();
    Ref<File>::adopt(rights->files[i]);
  }
  heap_free(rights, bytes, alignof(Rights));
}

// ---- messages ----

ErrorOr<Message*> Message::create(size_t bytes) {
  constexpr size_t Inline = PageSize - sizeof(Message), Capacity = PageSize - sizeof(Piece);
  size_t first = std::min(bytes, Inline);
  void* memory = heap_allocate(sizeof(Message) + first, alignof(Message));
  if (!memory) return fail(Errno::NoMemory);
  auto message = new (memory) Message{};
  message->inline_capacity = uint32_t(first);
  message->charge = uint32_t(sizeof(Message) + bytes);
  Piece** at = &message->pieces;
  for (size_t left = bytes - first; left;) {
    size_t n = std::min(left, Capacity);
    void* piece = heap_allocate(sizeof(Piece) + n, alignof(Piece));
    if (!piece) {
      destroy(message);
      return fail(Errno::NoMemory);
    }
    *at = new (piece) Piece{nullptr, uint32_t(n), {}};
    at = &(*at)->next;
    left -= n;
  }
  return message;
}

void Message::destroy(Message* message) {
  if (!message) return;
  Rights::destroy(message->rights);
  while (Piece* piece = message->pieces) {
    message->pieces = piece->next;
    heap_free(piece, sizeof(Piece) + piece->capacity, alignof(Piece));
  }
  size_t bytes = sizeof(Message) + message->inline_capacity;
  message->~Message();
  heap_free(message, bytes, alignof(Message));
}

// Calls visit(memory, bytes) for each run of memory of [from, from + bytes).
template <class Visit>
ErrorOr<void> Message::each(size_t from, size_t bytes, Visit visit) const {
  std::byte* memory = inline_bytes();
  size_t capacity = inline_capacity;
  for (Piece* next = pieces;; next = next->next) {
    if (from < capacity) {
      size_t n = std::min(bytes, capacity - from);
      TRY(visit(memory + from, n));
      bytes -= n;
      from += n;
    }
    if (!bytes) return {};
    from -= capacity;
    memory = next->bytes;
    capacity = next->capacity;
  }
}

ErrorOr<void> Message::fill(Buffer& from, size_t bytes) {
  TRY(each(end, bytes, [&](std::byte* to, size_t n) { return from.take(to, n); }));
  end += uint32_t(bytes);
  return {};
}

ErrorOr<void> Message::drain(size_t offset, Buffer& to, size_t bytes) const {
  if (!bytes) return {};
  return each(begin + offset, bytes, [&](std::byte* from, size_t n) { return to.put(from, n); });
}

void Message::append(const Message& other) {
  std::memcpy(inline_bytes() + end, other.inline_bytes() + other.begin, other.left());
  end += uint32_t(other.left());
}

}  // namespace pl
