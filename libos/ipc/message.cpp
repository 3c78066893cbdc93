// SPDX-License-Identifier: BSD-2-Clause
#include "ipc/message.h"

#include <algorithm>

#include "fs/context.h"
#include "memory/heap.h"
#include "net/socket.h"

namespace pl::ipc {

constinit Table message_queues;

ErrorOr<Ref<MessageQueue>> MessageQueue::create() {
  auto queue = TRY(make<MessageQueue>());
  queue->changed_at = realtime_nanoseconds() / 1'000'000'000;
  return queue;
}

MessageQueue::~MessageQueue() {
  while (Entry* e = entries_.pop_front()) destroy(e);
}

void MessageQueue::destroy(Entry* entry) {
  Message::destroy(entry->message);
  heap_delete(entry);
}

ErrorOr<void> MessageQueue::send(int64_t type, Buffer from, bool wait) {
  size_t n = from.left();
  if (type < 1 || n > MaxMessage) return fail(Errno::Invalid);
  Message* message = TRY(Message::create(n));
  Guard undo([&] { Message::destroy(message); });
  TRY(message->fill(from, n));
  Entry* entry = heap_new<Entry>(Entry{type, message, {}});
  if (!entry) return fail(Errno::NoMemory);
  undo.disarm();
  Guard undo_entry([&] { destroy(entry); });
  auto room = [&] { return bytes_ + n <= limit && count_ + 1 <= limit; };
  if (removed) return fail(Errno::IdentifierRemoved);
  if (!room()) {
    if (!wait) return fail(Errno::Again);
    auto woken = wait_for(changed_, NoDeadline, Sleep::Interruptible, [&] { return removed || room(); });
    if (removed) return fail(Errno::IdentifierRemoved);
    TRY(woken);
  }
  undo_entry.disarm();
  entries_.push_back(entry);
  ++count_;
  bytes_ += n;
  sender = current_identity().pid;
  sent_at = realtime_nanoseconds() / 1'000'000'000;
  changed_.wake_all();
  return {};
}

// The first that is meant: any (0), of this type, of any other (MSG_EXCEPT), or of the lowest type up to -type.
MessageQueue::Entry* MessageQueue::find(int64_t type, uint32_t flags) const {
  Entry* best = nullptr;
  for (Entry& e : entries_) {
    if (type >= 0) {
      if (type == 0 || (e.type == type) != bool(flags & Except)) return &e;
    } else if (e.type <= (type == INT64_MIN ? INT64_MAX : -type) && (!best || e.type < best->type)) {
      best = &e;
    }
  }
  return best;
}

ErrorOr<MessageQueue::Taken> MessageQueue::receive(Buffer to, int64_t type, uint32_t flags) {
  Entry* entry = find(type, flags);
  if (!entry) {
    if (flags & NoWait) return fail(Errno::NoMessage);
    auto woken = wait_for(changed_, NoDeadline, Sleep::Interruptible, [&] { return removed || (entry = find(type, flags)); });
    if (removed) return fail(Errno::IdentifierRemoved);
    TRY(woken);
  }
  size_t length = entry->message->left();
  if (length > to.left() && !(flags & NoError)) return fail(Errno::TooBig);
  entries_.remove(entry);
  --count_;
  bytes_ -= length;
  receiver = current_identity().pid;
  received_at = realtime_nanoseconds() / 1'000'000'000;
  changed_.wake_all();
  Taken taken{entry->type, std::min(length, to.left())};
  auto copied = entry->message->drain(0, to, taken.bytes);
  destroy(entry);
  TRY(copied);
  return taken;
}

void MessageQueue::remove_from(Table& table) {
  Ref<MessageQueue> keep(this);
  table.remove(*this);
  changed_.wake_all();
}

}  // namespace pl::ipc
