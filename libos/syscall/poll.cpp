// SPDX-License-Identifier: BSD-2-Clause
// poll, select and epoll.
#include <algorithm>
#include <cstring>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/event_poll.h"
#include "fs/poll_wait.h"
#include "process/deliver.h"
#include "process/thread.h"
#include "syscall/restart.h"
#include "syscall/table.h"

namespace pl {

namespace {

// The signal mask for the time of the call (ppoll(2)). After an interruption the handler runs first and sigreturn puts the old mask
// back; otherwise it comes back here.
class TemporaryMask {
 public:
  ErrorOr<void> set(UserIn<SignalSet> mask, size_t bytes) {
    if (!mask) return {};
    if (bytes != sizeof(SignalSet)) return fail(Errno::Invalid);
    SignalSet wanted = TRY(mask.read());
    before_ = current_thread().blocked;
    active_ = true;
    set_blocked(current_thread(), wanted & ~Unblockable);
    return {};
  }
  template <class T>
  ErrorOr<T> finish(ErrorOr<T> result) {
    if (!active_) return result;
    active_ = false;
    Thread& thread = current_thread();
    if (!result && result.error() == Errno::Interrupted) {
      thread.blocked_before = before_;
      thread.restore_blocked = true;
    } else {
      set_blocked(thread, before_);
    }
    return result;
  }
  ~TemporaryMask() {
    if (active_) set_blocked(current_thread(), before_);
  }

 private:
  SignalSet before_;
  bool active_ = false;
};

ErrorOr<uint64_t> deadline_after(UserAddress timeout) {
  if (!timeout) return NoDeadline;
  TimeSpec t = TRY(UserIn<TimeSpec>{timeout}.read());
  if (!t.valid()) return fail(Errno::Invalid);
  return ticks_now() + tick_rate().from(t);
}

// Linux tells how much of the timeout is left, where the program's memory can be written.
void report_rest(UserAddress timeout, uint64_t deadline) {
  if (!timeout) return;
  uint64_t now = ticks_now(), left = deadline > now ? deadline - now : 0;
  (void)UserOut<TimeSpec>{timeout}.write(to_timespec(tick_rate().to_nanoseconds(left)));
}

// Memory for as many T as a program asks for, up to a page on the heap.
template <class T>
struct Array {
  T* items = nullptr;
  size_t count = 0;
  ErrorOr<void> allocate(size_t n) {
    count = n;
    if (!n) return {};
    items = static_cast<T*>(heap_allocate(n * sizeof(T), alignof(T)));
    if (!items) return fail(Errno::NoMemory);
    std::memset(static_cast<void*>(items), 0, n * sizeof(T));
    return {};
  }
  ~Array() { if (items) heap_free(items, count * sizeof(T), alignof(T)); }
};

}  // namespace

Result sys_ppoll(UserAddress entries, uint32_t count, UserAddress timeout, UserIn<SignalSet> mask, size_t bytes) {
  if (count > current_descriptors().limit()) return fail(Errno::Invalid);
  uint64_t deadline = TRY(deadline_after(timeout));
  Array<PollRecord> records;
  TRY(records.allocate(count));
  if (count) TRY(copy_from_user(records.items, entries, count * sizeof(PollRecord)));
  TemporaryMask masked;
  TRY(masked.set(mask, bytes));
  auto result = masked.finish(wait_for_events(deadline, [&](PollTable* table) -> ErrorOr<size_t> {
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
      PollRecord& r = records.items[i];
      r.returned = 0;
      if (r.descriptor < 0) continue;
      auto file = current_descriptors().get(r.descriptor);
      uint32_t always = poll_event::Error | poll_event::HangUp | poll_event::Invalid;
      r.returned = int16_t(file ? (*file)->poll(table) & (uint16_t(r.events) | always) : poll_event::Invalid);
      if (r.returned) ++ready;
    }
    return ready;
  }));
  report_rest(timeout, deadline);
  uint64_t n = TRY(interruptible(result));
  for (size_t i = 0; i < count; i++) TRY(copy_to_user(entries + i * sizeof(PollRecord) + 6, &records.items[i].returned, 2));
  return n;
}

Result sys_pselect6(int count, UserAddress read, UserAddress write, UserAddress except, UserAddress timeout, UserAddress mask) {
  if (count < 0) return fail(Errno::Invalid);
  // Linux looks only at as many descriptors as the table has.
  count = std::min(count, int(current_descriptors().capacity()));
  struct { uint64_t set, bytes; } mask_argument{};
  if (mask) TRY(copy_from_user(&mask_argument, mask, sizeof mask_argument));
  uint64_t deadline = TRY(deadline_after(timeout));
  size_t words = (size_t(count) + 63) / 64;
  UserAddress places[3] = {read, write, except};
  static constexpr uint32_t Meaning[3] = {poll_event::Readable | poll_event::HangUp | poll_event::Error, poll_event::Writable | poll_event::Error, poll_event::Priority};
  Array<uint64_t> asked, ready;
  TRY(asked.allocate(3 * words));
  TRY(ready.allocate(3 * words));
  for (int s = 0; s < 3; s++) {
    if (!places[s] || !words) continue;
    TRY(copy_from_user(asked.items + s * words, places[s], words * 8));
    if (count % 64) asked.items[s * words + words - 1] &= (uint64_t(1) << count % 64) - 1;
  }
  TemporaryMask masked;
  TRY(masked.set(UserIn<SignalSet>{UserAddress(mask_argument.set)}, mask_argument.bytes));
  auto result = masked.finish(wait_for_events(deadline, [&](PollTable* table) -> ErrorOr<size_t> {
    size_t n = 0;
    if (words) std::memset(ready.items, 0, 3 * words * 8);
    for (int d = 0; d < count; d++) {
      uint64_t bit = uint64_t(1) << d % 64;
      size_t word = size_t(d) / 64;
      if (!((asked.items[word] | asked.items[words + word] | asked.items[2 * words + word]) & bit)) continue;
      uint32_t events = TRY(current_descriptors().get(d))->poll(table);
      for (size_t s = 0; s < 3; s++) {
        if (!(asked.items[s * words + word] & bit) || !(events & Meaning[s])) continue;
        ready.items[s * words + word] |= bit;
        ++n;
      }
    }
    return n;
  }));
  report_rest(timeout, deadline);
  uint64_t n = TRY(interruptible(result));
  for (int s = 0; s < 3; s++)
    if (places[s] && words) TRY(copy_to_user(places[s], ready.items + s * words, words * 8));
  return n;
}

Result sys_epoll_create1(uint32_t flags) {
  if (flags & ~accepted::epoll_create1_flags) return fail(Errno::Invalid);
  Ref<File> file = TRY(make<EventPoll>());
  return uint64_t(TRY(current_descriptors().install(std::move(file), flags ? OnExec::Close : OnExec::Keep)));
}

Result sys_epoll_ctl(int epoll, int operation, int descriptor, UserIn<EpollRecord> event) {
  constexpr int Add = 1, Delete = 2, Modify = 3;
  EpollRecord e{};
  if (operation != Delete) e = TRY(event.read());
  Ref<File> watcher = TRY(current_descriptors().get(epoll)), file = TRY(current_descriptors().get(descriptor));
  if (watcher->flags() & open_flag::Path || file->flags() & open_flag::Path) return fail(Errno::BadDescriptor);
  if (!file->can_be_awaited()) return fail(Errno::Perm);
  EventPoll* set = watcher->as_event_poll();
  if (!set || watcher == file) return fail(Errno::Invalid);
  constexpr uint32_t WithExclusive = poll_event::In | poll_event::Out | poll_event::Error | poll_event::HangUp | EventPoll::WakeUp | EventPoll::EdgeTriggered | EventPoll::Exclusive;
  if (operation == Add && e.events & EventPoll::Exclusive && (e.events & ~WithExclusive || file->as_event_poll())) return fail(Errno::Invalid);
  switch (operation) {
    case Add: TRY(set->add(descriptor, *file, e.events, e.data)); return 0;
    case Delete: TRY(set->remove(descriptor, *file)); return 0;
    case Modify: TRY(set->modify(descriptor, *file, e.events, e.data)); return 0;
    default: return fail(Errno::Invalid);
  }
}

static Result epoll_wait(int epoll, UserOut<EpollRecord> events, int count, uint64_t deadline, UserIn<SignalSet> mask, size_t bytes) {
  if (count <= 0 || count > INT32_MAX / int(sizeof(EpollRecord))) return fail(Errno::Invalid);
  Ref<File> file = TRY(current_descriptors().get_open(epoll));
  EventPoll* set = file->as_event_poll();
  if (!set) return fail(Errno::Invalid);
  TemporaryMask masked;
  TRY(masked.set(mask, bytes));
  constexpr size_t Batch = 32;
  EpollEvent found[Batch];
  size_t capacity = std::min(size_t(count), Batch);
  size_t n = TRY(masked.finish(wait_for_events(deadline, [&](PollTable* table) -> ErrorOr<size_t> { return set->collect(found, capacity, table); })));
  for (size_t i = 0; i < n; i++) TRY(events.write({found[i].events, 0, found[i].data}, i));
  return n;
}

Result sys_epoll_pwait(int epoll, UserOut<EpollRecord> events, int count, int milliseconds, UserIn<SignalSet> mask, size_t bytes) {
  return epoll_wait(epoll, events, count, milliseconds < 0 ? NoDeadline : ticks_now() + milliseconds_to_ticks(uint64_t(milliseconds)), mask, bytes);
}

Result sys_epoll_pwait2(int epoll, UserOut<EpollRecord> events, int count, UserIn<TimeSpec> timeout, UserIn<SignalSet> mask, size_t bytes) {
  return epoll_wait(epoll, events, count, TRY(deadline_after(timeout.address)), mask, bytes);
}

}  // namespace pl
