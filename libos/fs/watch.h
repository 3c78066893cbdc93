// SPDX-License-Identifier: BSD-2-Clause
// inotify(7): who watches an inode learns what happens to it, and to what has its name in it. Seen is what goes through the libOS; what
// the host does to its own files is not.
#pragma once

#include <string_view>

#include "base/list.h"
#include "fs/file.h"

namespace pl {

namespace watch_event {
constexpr uint32_t Access = 1, Modify = 2, Attributes = 4, CloseWrite = 8, CloseNoWrite = 0x10, Open = 0x20, MovedFrom = 0x40, MovedTo = 0x80,
                   Create = 0x100, Delete = 0x200, DeleteSelf = 0x400, MoveSelf = 0x800, All = 0xfff;
constexpr uint32_t Overflow = 0x4000, Ignored = 0x8000, OnlyDirectory = 0x01000000, DontFollow = 0x02000000, ExcludeUnlinked = 0x04000000,
                   MaskCreate = 0x10000000, MaskAdd = 0x20000000, IsDirectory = 0x40000000, OneShot = 0x80000000;
}  // namespace watch_event

class WatchFile final : public File {
 public:
  static constexpr unsigned MostEvents = 16384, MostWatches = 8192;
  explicit WatchFile(uint32_t flags) : File(flags) {}
  ~WatchFile() override;
  ErrorOr<uint64_t> seek(int64_t, int) override { return 0; }
  ErrorOr<int> add(Ref<Inode> inode, uint32_t mask);
  ErrorOr<void> remove(int watch);

  ErrorOr<size_t> read(Buffer& to) override;
  ErrorOr<size_t> write(Buffer&) override { return fail(Errno::BadDescriptor); }
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override { return activity_; }
  ErrorOr<uint64_t> ioctl(uint32_t command, UserAddress argument) override;
  ErrorOr<Attributes> attributes() override { return anonymous_attributes(); }
  size_t describe(char* out, size_t capacity) override;
  WatchFile* as_watches() override { return this; }
  bool raises_signals() override { return true; }

  // Something that `watch`, one of this file's, asked for.
  void report(struct Watch& watch, uint32_t mask, uint32_t cookie, std::string_view name);

 private:
  struct Event {  // followed by its name
    ListLink<Event> link;
    struct { int32_t watch; uint32_t mask, cookie, bytes; } record;
    std::string_view name() const { return reinterpret_cast<const char*>(this + 1); }
    size_t size() const { return sizeof record + record.bytes; }
  };
  static void destroy(Event* event);
  void queue(int watch, uint32_t mask, uint32_t cookie, std::string_view name);
  List<Event, &Event::link> events_;
  unsigned count_ = 0;
  int next_watch_ = 1;
  uint64_t activity_ = 0;
  WaitQueue readable_;
};

namespace watches {

// Whether anybody watches anything: asked first, since it costs one load.
extern bool any_;
inline bool any() { return any_; }

// Something happened to an inode: told to who watches it or the directory that it has its name in.
void tell(Inode& inode, uint32_t events);
// A name came, went or moved in a directory.
void tell_entry(Inode& directory, std::string_view name, const Inode& child, uint32_t events, uint32_t cookie = 0);
void tell_self(const Inode& inode, uint32_t events);
// It lost a name; that may have been the last.
void tell_unlinked(Inode& inode);
uint32_t next_cookie();

}  // namespace watches

}  // namespace pl
