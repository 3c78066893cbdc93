// SPDX-License-Identifier: BSD-2-Clause
// POSIX message queues (mq_overview(7)): they have names of their own, which no directory shows.
#pragma once

#include <string_view>

#include "base/list.h"
#include "fs/file.h"
#include "net/message.h"
#include "process/wait.h"

namespace pl {

struct MessageQueueAttributes { int64_t flags, most_messages, message_bytes, messages, reserved[4]; };  // struct mq_attr
struct SignalEvent;

class PosixQueue : public RefCounted {
 public:
  static constexpr uint32_t Priorities = 32768;
  static constexpr int64_t DefaultMessages = 10, DefaultBytes = 8192, MostMessages = 65536, MostBytes = 16 << 20;
  PosixQueue(uint32_t mode_, uint32_t uid_, uint32_t gid_, int64_t most_messages_, int64_t message_bytes_)
      : mode(mode_), uid(uid_), gid(gid_), most_messages(most_messages_), message_bytes(message_bytes_) {}
  ~PosixQueue() override;

  // ETIMEDOUT at the deadline, EAGAIN without waiting.
  ErrorOr<void> send(Buffer from, uint32_t priority, bool wait, uint64_t deadline);
  struct Taken { size_t bytes; uint32_t priority; };
  ErrorOr<Taken> receive(Buffer to, bool wait, uint64_t deadline);
  int64_t count() const { return count_; }

  // Who is told when a message comes to the empty queue: one process, once (mq_notify(3)).
  struct Notice {
    const void* owner = nullptr;  // whose descriptors; null: nobody
    int pid = 0, signal = 0;      // 0: none
    uint64_t value = 0;
    Ref<File> socket;             // SIGEV_THREAD: where the cookie goes
    uint8_t cookie[32] = {};
  };
  ErrorOr<void> register_notice(Notice notice);  // EBUSY
  void withdraw_notice(const void* owner);

  const uint32_t mode, uid, gid;
  const int64_t most_messages, message_bytes;
  WaitQueue readable, writable;
  uint64_t activity = 0;

  char name[256] = {};
  ListLink<PosixQueue> link;

 private:
  struct Entry {
    uint32_t priority;
    Message* message;
    ListLink<Entry> link;
  };
  static void destroy(Entry* entry);
  void tell_notice();
  void send_cookie(uint8_t word);
  List<Entry, &Entry::link> entries_;  // highest priority first, oldest first within one
  int64_t count_ = 0;
  unsigned receivers_waiting_ = 0;
  Notice notice_;
};

class QueueFile final : public File {
 public:
  QueueFile(Ref<PosixQueue> queue, uint32_t flags) : File(flags), queue_(std::move(queue)) {}
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override { return queue_->activity; }
  ErrorOr<Attributes> attributes() override;
  size_t describe(char* out, size_t capacity) override;
  void descriptor_closed(const void* owner) override { queue_->withdraw_notice(owner); }
  QueueFile* as_queue() override { return this; }
  PosixQueue& queue() const { return *queue_; }

 private:
  Ref<PosixQueue> queue_;
};

namespace posix_queues {
Ref<PosixQueue> find(std::string_view name);
ErrorOr<void> add(Ref<PosixQueue> queue, std::string_view name);
void remove(PosixQueue& queue);
}  // namespace posix_queues

}  // namespace pl
