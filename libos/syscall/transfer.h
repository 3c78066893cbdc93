// SPDX-License-Identifier: BSD-2-Clause
// Bytes from one file to another without the program's memory: sendfile, copy_file_range, splice.
#pragma once

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "memory/heap.h"
#include "memory/user.h"

namespace pl {

// A page of the libOS that bytes pass through.
struct TransferPage {
  void* memory = heap_allocate(PageSize, 8);
  ~TransferPage() { if (memory) heap_free(memory, PageSize, 8); }
};

struct TransferEnd {
  Ref<File> file;
  UserAddress place;     // of the offset in the program; null: the description's own
  int64_t offset = -1;

  static ErrorOr<TransferEnd> create(int descriptor, UserAddress place) {
    TransferEnd e{TRY(current_descriptors().get(descriptor)), place, -1};
    if (place) {
      e.offset = TRY(UserIn<int64_t>{place}.read());
      if (e.offset < 0) return fail(Errno::Invalid);
    }
    return e;
  }
  ErrorOr<size_t> read(Buffer& b) { return moved(offset < 0 ? file->read(b) : file->read_at(uint64_t(offset), b)); }
  ErrorOr<size_t> write(Buffer& b) { return moved(offset < 0 ? file->write(b) : file->write_at(uint64_t(offset), b)); }
  ErrorOr<size_t> moved(ErrorOr<size_t> n) {
    if (n && offset >= 0) offset += int64_t(*n);
    return n;
  }
  ErrorOr<void> finish() { return place ? UserOut<int64_t>{place}.write(offset) : ErrorOr<void>(); }
};

}  // namespace pl
