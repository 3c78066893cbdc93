// SPDX-License-Identifier: BSD-2-Clause
// A process's file descriptors. Threads share one table (CLONE_FILES), fork clones it.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/ref.h"
#include "fs/file.h"

namespace pl {

enum class OnExec : uint8_t { Keep, Close };

class Descriptors : public RefCounted {
 public:
  static constexpr unsigned Maximum = 1u << 20;  // fs.nr_open

  Descriptors() = default;
  ~Descriptors() override;
  // For fork, and for unshare. Close-on-exec flags are kept.
  ErrorOr<Ref<Descriptors>> clone() const;

  ErrorOr<Ref<File>> get(int descriptor) const;  // EBADF
  // Not one that was opened with O_PATH: EBADF too.
  ErrorOr<Ref<File>> get_open(int descriptor) const {
    auto file = get(descriptor);
    return file && (*file)->flags() & 010000000 ? fail(Errno::BadDescriptor) : file;
  }
  // Lowest free descriptor that is at least `lowest`; EMFILE at the limit (RLIMIT_NOFILE).
  ErrorOr<int> install(Ref<File> file, OnExec on_exec, int lowest = 0);
  // Two at once, whose numbers the program is told: both or none.
  ErrorOr<void> install_pair(Ref<File> first, Ref<File> second, OnExec on_exec, UserOut<int> to);
  // dup2: closes what was there.
  ErrorOr<void> replace(int descriptor, Ref<File> file, OnExec on_exec);
  ErrorOr<void> close(int descriptor);
  void close_range(unsigned first, unsigned last);
  void mark_close_on_exec(unsigned first, unsigned last);
  ErrorOr<OnExec> on_exec(int descriptor) const;
  ErrorOr<void> set_on_exec(int descriptor, OnExec on_exec);

  void close_for_exec();  // those marked close-on-exec
  void close_all();       // at the end of a process, when other processes live on
  // The first open descriptor that is at least `from`, or -1.
  int next(int from) const;

  // Descriptors the table has room for as it is: select(2) looks no further.
  unsigned capacity() const;
  unsigned limit() const { return limit_; }
  void set_limit(unsigned limit) { limit_ = limit; }  // at most Maximum

 private:
  static constexpr unsigned ChunkSize = 64;
  struct Chunk {
    Ref<File> file[ChunkSize];
    uint64_t used;
    uint64_t close_on_exec;
  };
  static constexpr unsigned FirstChunks = 64;
  Chunk* chunk_at(unsigned index) const { return index < FirstChunks ? chunks_[index] : more_chunk(index); }
  Chunk* more_chunk(unsigned index) const;
  Chunk* chunk_of(unsigned descriptor) const { return chunk_at(descriptor / ChunkSize); }
  unsigned chunk_count() const { return FirstChunks + more_count_; }
  ErrorOr<Chunk*> need_chunk(unsigned index);
  ErrorOr<void> need_more(unsigned count);
  Ref<File> take(unsigned descriptor);
  void dispose(Ref<File> file);

  Chunk* chunks_[FirstChunks] = {};
  Chunk** more_ = nullptr;  // of the descriptors above those, which few programs have
  unsigned more_count_ = 0;
  unsigned limit_ = 1024;
};

}  // namespace pl
