// SPDX-License-Identifier: BSD-2-Clause
#include "fs/event_poll.h"

#include "fs/abi.h"
#include "fs/text.h"
#include "memory/heap.h"

namespace pl {

void File::forget_epoll_items() {
  while (EpollItem* item = epoll_items) item->owner->drop(item);
}

EventPoll::~EventPoll() {
  while (EpollItem* item = items_.first()) drop(item);
}

EpollItem* EventPoll::find(int descriptor, File& file) {
  for (EpollItem* i = file.epoll_items; i; i = i->next_of_file)
    if (i->owner == this && i->descriptor == descriptor) return i;
  return nullptr;
}

void EventPoll::drop(EpollItem* item) {
  EpollItem** at = &item->file->epoll_items;
  while (*at != item) at = &(*at)->next_of_file;
  *at = item->next_of_file;
  items_.remove(item);
  heap_delete(item);
}

bool EventPoll::reaches(EventPoll& target, int depth) {
  if (this == &target || depth > 4) return true;
  for (EpollItem& i : items_)
    if (EventPoll* inner = i.file->as_event_poll(); inner && inner->reaches(target, depth + 1)) return true;
  return false;
}

ErrorOr<void> EventPoll::add(int descriptor, File& file, uint32_t events, uint64_t data) {
  if (&file == this) return fail(Errno::Invalid);
  if (find(descriptor, file)) return fail(Errno::Exists);
  if (EventPoll* inner = file.as_event_poll(); inner && inner->reaches(*this, 0)) return fail(Errno::LinkLoop);
  auto item = heap_new<EpollItem>(EpollItem{.owner = this, .file = &file, .descriptor = descriptor, .events = events, .data = data, .link = {}});
  if (!item) return fail(Errno::NoMemory);
  item->next_of_file = file.epoll_items;
  file.epoll_items = item;
  items_.push_back(item);
  changed_.wake_all();
  return {};
}

ErrorOr<void> EventPoll::modify(int descriptor, File& file, uint32_t events, uint64_t data) {
  EpollItem* item = find(descriptor, file);
  if (!item) return fail(Errno::NoEntry);
  if (events & Exclusive || item->events & Exclusive) return fail(Errno::Invalid);
  item->events = events;
  item->data = data;
  item->disabled = item->reported = false;
  changed_.wake_all();
  return {};
}

ErrorOr<void> EventPoll::remove(int descriptor, File& file) {
  EpollItem* item = find(descriptor, file);
  if (!item) return fail(Errno::NoEntry);
  drop(item);
  return {};
}

// The events of an item that would be reported now.
uint32_t EventPoll::look(EpollItem& item, PollTable* table) {
  if (item.disabled) return 0;
  uint32_t wanted = (item.events & 0xffff) | poll_event::Error | poll_event::HangUp;
  uint64_t activity = item.file->activity();
  uint32_t now = item.file->poll(table) & wanted;
  if (item.events & EdgeTriggered && item.reported && activity == item.activity && !(now & ~item.last)) {
    item.last = now;
    return 0;
  }
  return now;
}

size_t EventPoll::collect(EpollEvent* out, size_t capacity, PollTable* table) {
  if (table) table->watch(changed_);
  size_t n = 0;
  EpollItem* last = items_.last();
  for (EpollItem *item = items_.first(), *next; item && n < capacity; item = next) {
    next = item == last ? nullptr : items_.next(item);
    uint32_t events = look(*item, table);
    if (!events) continue;
    out[n++] = {events, item->data};
    item->reported = true;
    item->last = events;
    item->activity = item->file->activity();
    if (item->events & OneShot) item->disabled = true;
    items_.remove(item);
    items_.push_back(item);
  }
  return n;
}

uint32_t EventPoll::poll(PollTable* table) {
  if (looking_) return 0;
  looking_ = true;
  if (table) table->watch(changed_);
  uint32_t events = 0;
  for (EpollItem& item : items_)
    if (look(item, table)) events = poll_event::Readable;
  looking_ = false;
  return events;
}

ErrorOr<Attributes> EventPoll::attributes() { return anonymous_attributes(); }

size_t EventPoll::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "anon_inode:[eventpoll]";
  return text.length();
}

}  // namespace pl
