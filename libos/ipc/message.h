// SPDX-License-Identifier: BSD-2-Clause
// System V message queues (msgop(2)).
#pragma once

#include "ipc/ipc.h"
#include "memory/user.h"
#include "net/message.h"
#include "process/wait.h"

namespace pl::ipc {

constexpr uint32_t NoError = 010000, Except = 020000;  // MSG_NOERROR, MSG_EXCEPT

class MessageQueue final : public Object {
 public:
  static constexpr size_t MaxMessage = 8192, DefaultBytes = 16384, MaxQueues = 32000;
  static ErrorOr<Ref<MessageQueue>> create();
  ~MessageQueue() override;

  ErrorOr<void> send(int64_t type, Buffer from, bool wait);
  struct Taken { int64_t type; size_t bytes; };
  // E2BIG when it is longer than the buffer, unless MSG_NOERROR cuts it.
  ErrorOr<Taken> receive(Buffer to, int64_t type, uint32_t flags);
  void remove_from(Table& table);

  uint64_t count() const { return count_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t limit = DefaultBytes;
  int64_t sent_at = 0, received_at = 0, changed_at = 0;
  int32_t sender = 0, receiver = 0;
  void changed() { changed_.wake_all(); }

 private:
  struct Entry {
    int64_t type;
    Message* message;
    ListLink<Entry> link;
  };
  Entry* find(int64_t type, uint32_t flags) const;
  static void destroy(Entry* entry);
  List<Entry, &Entry::link> entries_;
  uint64_t count_ = 0, bytes_ = 0;
  WaitQueue changed_;
};

extern Table message_queues;

}  // namespace pl::ipc
