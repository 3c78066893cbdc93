// SPDX-License-Identifier: BSD-2-Clause
#include "fs/watch.h"

#include <cstring>

#include "fs/abi.h"
#include "fs/text.h"
#include "memory/heap.h"

namespace pl {

struct Watch {
  Ref<Inode> inode;
  WatchFile* owner;
  int number;
  uint32_t mask;
  ListLink<Watch> link;
};

namespace {
// All of the instance: there are few.
constinit List<Watch, &Watch::link> all{};
constinit unsigned watch_count = 0;
constinit uint32_t last_cookie = 0;

void end(Watch* watch) {
  all.remove(watch);
  watches::any_ = --watch_count != 0;
  heap_delete(watch);
}
}  // namespace

constinit bool watches::any_ = false;
uint32_t watches::next_cookie() { return ++last_cookie; }

WatchFile::~WatchFile() {
  for (Watch *w = all.first(), *next; w; w = next) {
    next = all.next(w);
    if (w->owner == this) end(w);
  }
  while (Event* e = events_.pop_front()) destroy(e);
}

void WatchFile::destroy(Event* event) {
  size_t bytes = sizeof(Event) + event->record.bytes;
  heap_free(event, bytes, alignof(Event));
}

ErrorOr<int> WatchFile::add(Ref<Inode> inode, uint32_t mask) {
  using namespace watch_event;
  uint32_t kept = mask & (watch_event::All | ExcludeUnlinked | OneShot);
  for (Watch& w : all) {
    if (w.owner != this || !(w.inode == inode)) continue;
    if (mask & MaskCreate) return fail(Errno::Exists);
    w.mask = mask & MaskAdd ? w.mask | kept : kept;
    return w.number;
  }
  if (watch_count >= MostWatches) return fail(Errno::NoSpace);
  auto watch = heap_new<Watch>(Watch{std::move(inode), this, next_watch_, kept, {}});
  if (!watch) return fail(Errno::NoMemory);
  all.push_back(watch);
  ++watch_count;
  watches::any_ = true;
  return next_watch_++;
}

ErrorOr<void> WatchFile::remove(int number) {
  for (Watch& w : all) {
    if (w.owner != this || w.number != number) continue;
    end(&w);
    queue(number, watch_event::Ignored, 0, {});
    return {};
  }
  return fail(Errno::Invalid);
}

void WatchFile::queue(int number, uint32_t mask, uint32_t cookie, std::string_view name) {
  // The same again says nothing new; what is too much is said once.
  Event* last = events_.last();
  if (last && last->record.watch == number && last->record.mask == mask && last->record.cookie == cookie &&
      (last->record.bytes ? last->name() == name : name.empty()))
    return;
  if (count_ >= MostEvents) {
    if (last->record.mask == watch_event::Overflow) return;
    number = -1;
    mask = watch_event::Overflow;
    cookie = 0;
    name = {};
  }
  uint32_t bytes = name.empty() ? 0 : uint32_t(round_up(name.size() + 1, sizeof(Event::record)));
  void* memory = heap_allocate(sizeof(Event) + bytes, alignof(Event));
  if (!memory) return;  // as when there are too many, but nothing can be said
  auto event = new (memory) Event{{}, {number, mask, cookie, bytes}};
  std::memset(static_cast<void*>(event + 1), 0, bytes);
  if (!name.empty()) std::memcpy(static_cast<void*>(event + 1), name.data(), name.size());
  events_.push_back(event);
  ++count_;
  ++activity_;
  readable_.wake_all();
}

void WatchFile::report(Watch& watch, uint32_t mask, uint32_t cookie, std::string_view name) {
  int number = watch.number;
  queue(number, mask, cookie, name);
  bool over = watch.mask & watch_event::OneShot || mask & watch_event::DeleteSelf;
  if (!over) return;
  end(&watch);
  queue(number, watch_event::Ignored, 0, {});
}

ErrorOr<size_t> WatchFile::read(Buffer& to) {
  if (!count_) {
    if (nonblocking()) return fail(Errno::Again);
    TRY(wait_for(readable_, NoDeadline, Sleep::Interruptible, [this] { return count_ != 0; }));
  }
  size_t done = 0;
  while (Event* event = events_.first()) {
    if (event->size() > to.left()) return done ? ErrorOr<size_t>(done) : fail(Errno::Invalid);
    events_.remove(event);
    --count_;
    auto moved = to.put(&event->record, sizeof event->record);
    if (moved) moved = to.put(event + 1, event->record.bytes);
    done += event->size();
    destroy(event);
    TRY(moved);
  }
  return done;
}

uint32_t WatchFile::poll(PollTable* table) {
  if (table) table->watch(readable_);
  return count_ ? poll_event::Readable : 0;
}

ErrorOr<uint64_t> WatchFile::ioctl(uint32_t command, UserAddress argument) {
  constexpr uint32_t BytesReadable = 0x541b;  // FIONREAD
  if (command != BytesReadable) return fail(Errno::NotTerminal);
  size_t bytes = 0;
  for (Event& e : events_) bytes += e.size();
  TRY(UserOut<int>{argument}.write(int(bytes)));
  return 0;
}

size_t WatchFile::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "anon_inode:inotify";
  return text.length();
}

// ---- what happened ----

namespace {

void tell_watchers(const Inode& of, uint32_t events, bool directory, uint32_t cookie, std::string_view name, uint32_t but = 0) {
  for (Watch *w = all.first(), *next; w; w = next) {
    next = all.next(w);
    uint32_t wanted = events & w->mask;
    if (w->inode.get() != &of || !wanted || w->mask & but) continue;
    w->owner->report(*w, wanted | (directory ? watch_event::IsDirectory : 0), cookie, name);
  }
}

}  // namespace

void watches::tell_entry(Inode& directory, std::string_view name, const Inode& child, uint32_t events, uint32_t cookie) {
  tell_watchers(directory, events, child.is_directory(), cookie, name);
}

void watches::tell_self(const Inode& inode, uint32_t events) { tell_watchers(inode, events, inode.is_directory(), 0, {}); }

void watches::tell(Inode& inode, uint32_t events) {
  char name[NameCapacity];
  if (Ref<Inode> parent = inode.parent(); parent && !(parent.get() == &inode))
    if (auto length = inode.name(name))
      tell_watchers(*parent, events, inode.is_directory(), 0, {name, *length}, inode.is_removed() ? watch_event::ExcludeUnlinked : 0);
  tell_self(inode, events);
}

void watches::tell_unlinked(Inode& inode) {
  auto a = inode.attributes();
  bool gone = a && (a->links == 0 || inode.is_directory());
  if (!inode.is_directory()) tell_self(inode, watch_event::Attributes);
  if (gone) tell_self(inode, watch_event::DeleteSelf);
}

}  // namespace pl
