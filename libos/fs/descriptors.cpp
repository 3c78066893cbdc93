// SPDX-License-Identifier: BSD-2-Clause
#include "fs/descriptors.h"

#include <algorithm>
#include <bit>

namespace pl {

Descriptors::~Descriptors() {
  close_all();
  for (unsigned i = 0; i < chunk_count(); i++)
    if (Chunk* there = chunk_at(i)) heap_free(there, sizeof(Chunk), alignof(Chunk));
  if (more_) heap_free(more_, more_count_ * sizeof(Chunk*), alignof(Chunk*));
}

Descriptors::Chunk* Descriptors::more_chunk(unsigned index) const {
  return index - FirstChunks < more_count_ ? more_[index - FirstChunks] : nullptr;
}

// Room to remember `count` chunks beyond the first.
ErrorOr<void> Descriptors::need_more(unsigned count) {
  if (count <= more_count_) return {};
  count = std::min(std::max(count, more_count_ * 2), Maximum / ChunkSize - FirstChunks);
  auto grown = static_cast<Chunk**>(heap_allocate(count * sizeof(Chunk*), alignof(Chunk*)));
  if (!grown) return fail(Errno::NoMemory);
  std::fill_n(std::copy_n(more_, more_count_, grown), count - more_count_, nullptr);
  if (more_) heap_free(more_, more_count_ * sizeof(Chunk*), alignof(Chunk*));
  more_ = grown;
  more_count_ = count;
  return {};
}

ErrorOr<Descriptors::Chunk*> Descriptors::need_chunk(unsigned index) {
  if (Chunk* there = chunk_at(index)) return there;
  if (index >= FirstChunks) TRY(need_more(index - FirstChunks + 1));
  void* memory = heap_allocate(sizeof(Chunk), alignof(Chunk));
  if (!memory) return fail(Errno::NoMemory);
  return (index < FirstChunks ? chunks_[index] : more_[index - FirstChunks]) = new (memory) Chunk{};
}

ErrorOr<Ref<Descriptors>> Descriptors::clone() const {
  auto copy = TRY(make<Descriptors>());
  copy->limit_ = limit_;
  for (unsigned i = 0; i < chunk_count(); i++) {
    const Chunk* from = chunk_at(i);
    if (!from || !from->used) continue;
    Chunk* to = TRY(copy->need_chunk(i));
    for (uint64_t left = from->used; left; left &= left - 1) {
      int bit = std::countr_zero(left);
      to->file[bit] = from->file[bit];
      to->file[bit]->hold();
    }
    to->used = from->used;
    to->close_on_exec = from->close_on_exec;
  }
  return copy;
}

ErrorOr<Ref<File>> Descriptors::get(int descriptor) const {
  Chunk* chunk = chunk_of(unsigned(descriptor));
  if (!chunk || !(chunk->used >> descriptor % ChunkSize & 1)) return fail(Errno::BadDescriptor);
  return chunk->file[descriptor % ChunkSize];
}

ErrorOr<int> Descriptors::install(Ref<File> file, OnExec on_exec, int lowest) {
  for (unsigned i = unsigned(lowest) / ChunkSize; i * ChunkSize < limit_; i++) {
    const Chunk* there = chunk_at(i);
    uint64_t used = there ? there->used : 0;
    if (i == unsigned(lowest) / ChunkSize) used |= (uint64_t(1) << unsigned(lowest) % ChunkSize) - 1;
    if (~used == 0) continue;
    unsigned bit = unsigned(std::countr_one(used)), descriptor = i * ChunkSize + bit;
    if (descriptor >= limit_) break;
    Chunk* chunk = TRY(need_chunk(i));
    file->hold();
    chunk->file[bit] = std::move(file);
    chunk->used |= uint64_t(1) << bit;
    if (on_exec == OnExec::Close) chunk->close_on_exec |= uint64_t(1) << bit;
    return int(descriptor);
  }
  return fail(Errno::TooManyFiles);
}

ErrorOr<void> Descriptors::install_pair(Ref<File> first, Ref<File> second, OnExec on_exec, UserOut<int> to) {
  int a = TRY(install(std::move(first), on_exec));
  Guard undo_first([&] { (void)close(a); });
  int b = TRY(install(std::move(second), on_exec));
  Guard undo_second([&] { (void)close(b); });
  TRY(to.write(a, 0));
  TRY(to.write(b, 1));
  undo_first.disarm();
  undo_second.disarm();
  return {};
}

ErrorOr<void> Descriptors::replace(int descriptor, Ref<File> file, OnExec on_exec) {
  if (descriptor < 0 || unsigned(descriptor) >= limit_) return fail(Errno::BadDescriptor);
  Chunk* chunk = TRY(need_chunk(unsigned(descriptor) / ChunkSize));
  unsigned bit = unsigned(descriptor) % ChunkSize;
  Ref<File> old = take(unsigned(descriptor));
  file->hold();
  chunk->file[bit] = std::move(file);
  chunk->used |= uint64_t(1) << bit;
  if (on_exec == OnExec::Close) chunk->close_on_exec |= uint64_t(1) << bit;
  dispose(std::move(old));
  return {};
}

// The file leaves the table before anything that may sleep happens to it.
Ref<File> Descriptors::take(unsigned descriptor) {
  Chunk* chunk = chunk_of(descriptor);
  uint64_t bit = uint64_t(1) << descriptor % ChunkSize;
  if (!chunk || !(chunk->used & bit)) return {};
  chunk->used &= ~bit;
  chunk->close_on_exec &= ~bit;
  return std::move(chunk->file[descriptor % ChunkSize]);
}

void Descriptors::dispose(Ref<File> file) {
  if (!file) return;
  file->descriptor_closed(this);
  file->let_go();
}

ErrorOr<void> Descriptors::close(int descriptor) {
  Ref<File> file = take(unsigned(descriptor));
  if (!file) return fail(Errno::BadDescriptor);
  dispose(std::move(file));
  return {};
}

void Descriptors::close_range(unsigned first, unsigned last) {
  for (int d = next(int(first)); d >= 0 && unsigned(d) <= last; d = next(d + 1)) dispose(take(unsigned(d)));
}

void Descriptors::mark_close_on_exec(unsigned first, unsigned last) {
  for (int d = next(int(first)); d >= 0 && unsigned(d) <= last; d = next(d + 1))
    chunk_of(unsigned(d))->close_on_exec |= uint64_t(1) << unsigned(d) % ChunkSize;
}

ErrorOr<OnExec> Descriptors::on_exec(int descriptor) const {
  Chunk* chunk = chunk_of(unsigned(descriptor));
  if (!chunk || !(chunk->used >> descriptor % ChunkSize & 1)) return fail(Errno::BadDescriptor);
  return chunk->close_on_exec >> descriptor % ChunkSize & 1 ? OnExec::Close : OnExec::Keep;
}

ErrorOr<void> Descriptors::set_on_exec(int descriptor, OnExec on_exec) {
  TRY(this->on_exec(descriptor));
  Chunk* chunk = chunk_of(unsigned(descriptor));
  uint64_t bit = uint64_t(1) << descriptor % ChunkSize;
  if (on_exec == OnExec::Close) chunk->close_on_exec |= bit;
  else chunk->close_on_exec &= ~bit;
  return {};
}

void Descriptors::close_for_exec() {
  for (unsigned i = 0; i < chunk_count(); i++)
    while (chunk_at(i) && chunk_at(i)->close_on_exec)
      dispose(take(i * ChunkSize + unsigned(std::countr_zero(chunk_at(i)->close_on_exec))));
}

void Descriptors::close_all() { close_range(0, Maximum - 1); }

unsigned Descriptors::capacity() const {
  unsigned chunks = chunk_count();
  while (chunks > 1 && !chunk_at(chunks - 1)) --chunks;
  return chunks * ChunkSize;
}

int Descriptors::next(int from) const {
  if (from < 0) return -1;
  for (unsigned d = unsigned(from); d < chunk_count() * ChunkSize;) {
    const Chunk* there = chunk_of(d);
    uint64_t left = there ? there->used & ~uint64_t(0) << d % ChunkSize : 0;
    if (left) return int(d / ChunkSize * ChunkSize) + std::countr_zero(left);
    d = (d / ChunkSize + 1) * ChunkSize;
  }
  return -1;
}

}  // namespace pl
