// SPDX-License-Identifier: BSD-2-Clause
#include "process/process_file.h"

#include "fs/abi.h"
#include "fs/text.h"

namespace pl {

ErrorOr<Ref<File>> ProcessFile::create(Process& process, uint32_t flags) {
  if (!process.handle) {
    process.handle = TRY(make<ProcessHandle>());
    process.handle->process = &process;
  }
  return Ref<File>(TRY(make<ProcessFile>(process.handle, flags)));
}

uint32_t ProcessFile::poll(PollTable* table) {
  if (table) table->watch(handle_->ended);
  bool over = !handle_->process || handle_->process->state == ProcessState::Zombie;
  return over ? poll_event::Readable : 0;
}

size_t ProcessFile::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "anon_inode:[pidfd]";
  return text.length();
}

}  // namespace pl
