// SPDX-License-Identifier: BSD-2-Clause
#include "ipc/queue_file.h"

#include <cstring>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/text.h"
#include "memory/heap.h"
#include "net/netlink.h"
#include "process/process.h"
#include "process/send.h"

namespace pl {

namespace {
constinit List<PosixQueue, &PosixQueue::link> queues{};
constexpr unsigned MostQueues = 256;  // /proc/sys/fs/mqueue/queues_max
constinit unsigned queue_count = 0;
constexpr uint8_t Woken = 1, Removed = 2;  // NOTIFY_WOKENUP, NOTIFY_REMOVED: the last byte of a cookie
}  // namespace

PosixQueue::~PosixQueue() {
  while (Entry* e = entries_.pop_front()) destroy(e);
}

void PosixQueue::destroy(Entry* entry) {
  Message::destroy(entry->message);
  heap_delete(entry);
}

ErrorOr<void> PosixQueue::send(Buffer from, uint32_t priority, bool wait, uint64_t deadline) {
  size_t n = from.left();
  Message* message = TRY(Message::create(n));
  Guard undo([&] { Message::destroy(message); });
  TRY(message->fill(from, n));
  Entry* entry = heap_new<Entry>(Entry{priority, message, {}});
  if (!entry) return fail(Errno::NoMemory);
  undo.disarm();
  Guard undo_entry([&] { destroy(entry); });
  if (count_ >= most_messages) {
    if (!wait) return fail(Errno::Again);
    TRY(wait_for(writable, deadline, Sleep::Interruptible, [&] { return count_ < most_messages; }));
  }
  undo_entry.disarm();
  Entry* behind = entries_.first();
  while (behind && behind->priority >= priority) behind = entries_.next(behind);
  entries_.insert_before(entry, behind);
  ++activity;
  if (count_++ == 0 && !receivers_waiting_) tell_notice();
  readable.wake_all();
  return {};
}

ErrorOr<PosixQueue::Taken> PosixQueue::receive(Buffer to, bool wait, uint64_t deadline) {
  if (!count_) {
    if (!wait) return fail(Errno::Again);
    ++receivers_waiting_;
    auto woken = wait_for(readable, deadline, Sleep::Interruptible, [&] { return count_ > 0; });
    --receivers_waiting_;
    TRY(woken);
  }
  Entry* entry = entries_.pop_front();
  --count_;
  ++activity;
  writable.wake_all();
  Taken taken{entry->message->left(), entry->priority};
  auto copied = entry->message->drain(0, to, taken.bytes);
  destroy(entry);
  TRY(copied);
  return taken;
}

ErrorOr<void> PosixQueue::register_notice(Notice notice) {
  if (notice_.owner) return fail(Errno::Busy);
  notice_ = std::move(notice);
  return {};
}

void PosixQueue::withdraw_notice(const void* owner) {
  if (!notice_.owner || notice_.owner != owner) return;
  send_cookie(Removed);
  notice_ = {};
}

void PosixQueue::send_cookie(uint8_t word) {
  if (!notice_.socket) return;
  notice_.cookie[sizeof notice_.cookie - 1] = word;
  (void)static_cast<NetlinkSocket*>(notice_.socket->as_socket())->put(notice_.cookie, sizeof notice_.cookie);  // without memory nobody is told
}

void PosixQueue::tell_notice() {
  if (!notice_.owner) return;
  send_cookie(Woken);
  Notice told = std::move(notice_);
  notice_ = {};
  Process* process = told.signal ? find_process(told.pid) : nullptr;
  if (!process) return;
  SignalInfo info;
  info.number = told.signal;
  info.code = sigcode::MessageQueue;
  const Process& me = current_process();
  info.sender = {me.pid, current_credentials().uid, told.value};
  (void)send_signal(*process, info);  // a queue of signals that is full takes no more
}

uint32_t QueueFile::poll(PollTable* table) {
  if (table) {
    table->watch(queue_->readable);
    table->watch(queue_->writable);
  }
  return (queue_->count() ? poll_event::Readable : 0) | (queue_->count() < queue_->most_messages ? poll_event::Writable : 0);
}

ErrorOr<Attributes> QueueFile::attributes() {
  Attributes a = anonymous_attributes();
  a.mode = file_mode::Regular | queue_->mode;
  a.uid = queue_->uid;
  a.gid = queue_->gid;
  a.size = 80;
  return a;
}

size_t QueueFile::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "/" << std::string_view(queue_->name);
  return text.length();
}

Ref<PosixQueue> posix_queues::find(std::string_view name) {
  for (PosixQueue& q : queues)
    if (name == q.name) return Ref<PosixQueue>(&q);
  return {};
}

ErrorOr<void> posix_queues::add(Ref<PosixQueue> queue, std::string_view name) {
  if (queue_count >= MostQueues && !current_file_credentials().has(Capability::Resource)) return fail(Errno::NoSpace);
  std::memcpy(queue->name, name.data(), name.size());
  ++queue_count;
  queues.push_back(queue.leak());
  return {};
}

void posix_queues::remove(PosixQueue& queue) {
  --queue_count;
  queues.remove(&queue);
  Ref<PosixQueue>::adopt(&queue);
}

}  // namespace pl
