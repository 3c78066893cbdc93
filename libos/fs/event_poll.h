// SPDX-License-Identifier: BSD-2-Clause
// epoll(7). An interest is a descriptor's file; it ends when that file is closed.
#pragma once

#include "base/list.h"
#include "fs/file.h"

namespace pl {

class EventPoll;

struct EpollItem {
  EventPoll* owner;
  File* file;
  int descriptor;
  uint32_t events;
  uint64_t data;
  bool disabled = false;        // EPOLLONESHOT that fired
  bool reported = false;        // edge-triggered: `last` and `activity` are of the last look
  uint32_t last = 0;
  uint64_t activity = 0;
  ListLink<EpollItem> link;
  EpollItem* next_of_file = nullptr;
};

struct EpollEvent { uint32_t events; uint64_t data; };

class EventPoll : public File {
 public:
  static constexpr uint32_t OneShot = 1u << 30, EdgeTriggered = 1u << 31, Exclusive = 1u << 28, WakeUp = 1u << 29;
  EventPoll() : File(2) {}
  ~EventPoll() override;
  ErrorOr<void> add(int descriptor, File& file, uint32_t events, uint64_t data);
  ErrorOr<void> modify(int descriptor, File& file, uint32_t events, uint64_t data);
  ErrorOr<void> remove(int descriptor, File& file);
  // Fills up to `capacity` events; those reported go to the end of the line.
  size_t collect(EpollEvent* out, size_t capacity, PollTable* table);

  ErrorOr<uint64_t> seek(int64_t, int) override { return 0; }
  uint32_t poll(PollTable* table) override;
  ErrorOr<Attributes> attributes() override;
  size_t describe(char* out, size_t capacity) override;
  EventPoll* as_event_poll() override { return this; }

 private:
  friend class File;
  EpollItem* find(int descriptor, File& file);
  void drop(EpollItem* item);
  uint32_t look(EpollItem& item, PollTable* table);
  bool reaches(EventPoll& target, int depth);

  List<EpollItem, &EpollItem::link> items_;
  WaitQueue changed_;
  bool looking_ = false;
};

}  // namespace pl
