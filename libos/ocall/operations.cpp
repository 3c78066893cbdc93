// SPDX-License-Identifier: BSD-2-Clause
#include "ocall/operations.h"

#include <algorithm>
#include <cstring>

#include "fs/abi.h"

namespace pl::ocall {

namespace {

// Times of a file may be anything; sizes and types may not.
ErrorOr<Attributes> check(const pl_stat& raw) {
  auto mode = TRY(HostValue<uint32_t>(raw.mode).validate([](uint32_t m) {
    if (m & ~uint32_t(file_mode::Type | file_mode::Permissions)) return false;
    switch (m & file_mode::Type) {
      case file_mode::Regular:
      case file_mode::Directory:
      case file_mode::Link:
      case file_mode::Character:
      case file_mode::Block:
      case file_mode::Fifo:
      case file_mode::Socket: return true;
      default: return false;
    }
  }));
  Attributes a;
  a.mode = mode;
  a.size = TRY(HostValue<uint64_t>(raw.size).at_most(MaxFileSize));
  a.blocks = TRY(HostValue<uint64_t>(raw.blocks).at_most(MaxFileSize));
  a.inode = raw.inode;
  a.device = raw.device;
  a.rdev = raw.rdev;
  a.links = raw.links;
  a.uid = raw.uid;
  a.gid = raw.gid;
  a.atime = raw.atime;
  a.mtime = raw.mtime;
  a.ctime = raw.ctime;
  return a;
}

ErrorOr<void> nothing(const ErrorOr<Reply>& reply) {
  if (!reply) return fail(reply.error());
  return {};
}

// A name at the start of a window buffer, with room behind it.
struct NameBuffer {
  WindowBuffer window;
  uint32_t behind;  // offset in the buffer

  static ErrorOr<NameBuffer> create(std::string_view name, size_t room) {
    uint32_t behind = uint32_t(round_up(name.size(), 8));
    auto window = TRY(WindowBuffer::allocate(behind + room));
    if (window.size() < behind + room) return fail(Errno::NameTooLong);
    window.write(0, name.data(), name.size());
    return NameBuffer{std::move(window), behind};
  }
  pl_stat stat() const {
    pl_stat raw;
    window.read(behind, &raw, sizeof raw);
    return raw;
  }
};

}  // namespace

ErrorOr<Attributes> stat(uint32_t handle) {
  auto window = TRY(WindowBuffer::allocate(sizeof(pl_stat)));
  TRY(nothing(call({.operation = PL_OP_STAT, .handle = handle, .buffer = window.offset(), .length = sizeof(pl_stat)})));
  pl_stat raw;
  window.read(0, &raw, sizeof raw);
  return check(raw);
}

ErrorOr<Attributes> lookup(uint32_t directory, std::string_view name) {
  auto buffer = TRY(NameBuffer::create(name, sizeof(pl_stat)));
  TRY(nothing(call({.operation = PL_OP_LOOKUP, .handle = directory, .buffer = buffer.window.offset(), .length = uint32_t(name.size())})));
  return check(buffer.stat());
}

ErrorOr<Opened> open(uint32_t directory, std::string_view name, uint32_t flags, uint32_t mode) {
  auto buffer = TRY(NameBuffer::create(name, sizeof(pl_stat)));
  Reply reply = TRY(call({.operation = PL_OP_OPEN, .handle = directory, .buffer = buffer.window.offset(), .length = uint32_t(name.size()),
                          .extra = flags, .argument = {mode, 0, 0}}));
  uint32_t handle = uint32_t(TRY(reply.value.at_most(UINT32_MAX)));
  if (!note_open(handle)) return fail(Errno::Io);
  auto attributes = check(buffer.stat());
  if (!attributes) {
    close(handle);
    return fail(attributes.error());
  }
  return Opened{handle, *attributes};
}

// The host closes before it does anything that is asked later, so the number may come back with the next open.
void close(uint32_t handle) {
  post({.operation = PL_OP_CLOSE, .handle = handle});
  note_closed(handle);
}

ErrorOr<size_t> read_at(uint32_t handle, uint64_t offset, Buffer& to) {
  size_t done = 0;
  while (to.left()) {
    auto window = TRY(WindowBuffer::allocate(to.left()));
    auto reply = call({.operation = PL_OP_PREAD, .handle = handle, .buffer = window.offset(), .length = window.size(), .offset = offset + done});
    if (!reply) return done ? ErrorOr<size_t>(done) : fail(reply.error());
    size_t n = TRY(reply->result.at_most(window.size()));
    if (n == 0) break;
    if (auto moved = to.put(window.bytes(), n); !moved) return done ? ErrorOr<size_t>(done) : fail(moved.error());
    done += n;
    if (n < window.size()) break;
  }
  return done;
}

ErrorOr<size_t> write_at(uint32_t handle, uint64_t offset, Buffer& from) {
  size_t done = 0;
  while (from.left()) {
    auto window = TRY(WindowBuffer::allocate(from.left()));
    size_t n = window.size();
    Buffer attempt = from;
    auto went = attempt.take(window.bytes(), n);
    if (went) {
      auto reply = call({.operation = PL_OP_PWRITE, .handle = handle, .buffer = window.offset(), .length = uint32_t(n), .offset = offset + done});
      if (reply) {
        size_t accepted = TRY(reply->result.at_most(uint32_t(n)));
        if (accepted == 0) went = fail(Errno::Io);
        else if (accepted == n) from = attempt;
        else went = from.take(window.bytes(), accepted);
        done += accepted;
      } else {
        went = fail(reply.error());
      }
    }
    if (!went) return done ? ErrorOr<size_t>(done) : fail(went.error());
  }
  return done;
}

ErrorOr<size_t> read_page(uint32_t handle, uint64_t offset, std::byte* page) {
  auto window = TRY(WindowBuffer::allocate(PageSize, WindowBuffer::Use::Fault));
  size_t done = 0;
  while (done < PageSize) {
    uint32_t wanted = uint32_t(PageSize - done);
    Reply reply = TRY(call({.operation = PL_OP_PREAD, .handle = handle, .buffer = window.offset(), .length = wanted, .offset = offset + done}));
    size_t n = TRY(reply.result.at_most(wanted));
    if (n == 0) break;
    window.read(0, page + done, n);
    done += n;
  }
  return done;
}

ErrorOr<bool> list(uint32_t directory, uint64_t& cookie, size_t room, bool (*visit)(void*, const DirectoryEntry&), void* context) {
  // No more than is taken: going back to the middle of an answer is a seek, which some file systems do by counting.
  constexpr size_t Least = 512, Most = 4096;
  auto window = TRY(WindowBuffer::allocate(std::clamp(room / 8 * 8, Least, Most)));
  Reply reply = TRY(call({.operation = PL_OP_LIST, .handle = directory, .buffer = window.offset(), .length = window.size(), .offset = cookie}));
  uint32_t bytes = TRY(reply.result.at_most(window.size()));
  for (uint32_t at = 0; at < bytes;) {
    if (bytes - at < sizeof(pl_dirent)) return fail(Errno::Io);
    pl_dirent entry;
    window.read(at, &entry, sizeof entry);
    uint32_t record = entry.record, length = entry.name_length;
    // A record holds its name and moves the reading on.
    if (record % 8 || record > bytes - at || record < sizeof entry + length || length == 0) return fail(Errno::Io);
    char text[NameCapacity];
    window.read(at + sizeof entry, text, length);
    std::string_view name(text, length);
    for (char c : name)
      if (c == '/' || c == 0) return fail(Errno::Io);
    if (entry.cookie == cookie) return fail(Errno::Io);
    cookie = entry.cookie;
    at += record;
    if (name == "." || name == "..") continue;
    if (!visit(context, {entry.inode, cookie, uint8_t(entry.type & 15), name})) return false;
  }
  return bytes == 0;
}

ErrorOr<void> make_directory(uint32_t directory, std::string_view name, uint32_t mode) {
  auto buffer = TRY(NameBuffer::create(name, 0));
  return nothing(call({.operation = PL_OP_MKDIR, .handle = directory, .buffer = buffer.window.offset(), .length = uint32_t(name.size()), .argument = {mode, 0, 0}}));
}

ErrorOr<void> unlink(uint32_t directory, std::string_view name, bool is_directory) {
  auto buffer = TRY(NameBuffer::create(name, 0));
  return nothing(call({.operation = PL_OP_UNLINK, .handle = directory, .buffer = buffer.window.offset(), .length = uint32_t(name.size()), .extra = is_directory}));
}

ErrorOr<void> rename(uint32_t directory, std::string_view name, uint32_t to_directory, std::string_view to_name, uint32_t flags) {
  auto buffer = TRY(NameBuffer::create(name, to_name.size()));
  buffer.window.write(buffer.behind, to_name.data(), to_name.size());
  return nothing(call({.operation = PL_OP_RENAME, .handle = directory, .buffer = buffer.window.offset(), .length = uint32_t(name.size()), .extra = flags,
                       .argument = {to_directory, buffer.window.offset() + buffer.behind, to_name.size()}}));
}

ErrorOr<void> link(uint32_t file, uint32_t directory, std::string_view name) {
  auto buffer = TRY(NameBuffer::create(name, 0));
  return nothing(call({.operation = PL_OP_LINK, .handle = file, .buffer = buffer.window.offset(), .length = uint32_t(name.size()), .argument = {directory, 0, 0}}));
}

ErrorOr<void> make_symbolic_link(uint32_t directory, std::string_view name, std::string_view target) {
  auto buffer = TRY(NameBuffer::create(name, target.size()));
  buffer.window.write(buffer.behind, target.data(), target.size());
  return nothing(call({.operation = PL_OP_SYMLINK, .handle = directory, .buffer = buffer.window.offset(), .length = uint32_t(name.size()),
                       .argument = {0, buffer.window.offset() + buffer.behind, target.size()}}));
}

ErrorOr<size_t> read_link(uint32_t directory, std::string_view name, char* out, size_t capacity) {
  size_t room = std::min<size_t>(capacity, MaxPath - NameCapacity);
  auto buffer = TRY(NameBuffer::create(name, room));
  Reply reply = TRY(call({.operation = PL_OP_READLINK, .handle = directory, .buffer = buffer.window.offset(), .length = uint32_t(name.size()),
                          .argument = {0, buffer.window.offset() + buffer.behind, room}}));
  uint32_t n = TRY(reply.result.at_most(uint32_t(room)));
  buffer.window.read(buffer.behind, out, n);
  if (std::memchr(out, 0, n)) return fail(Errno::Io);
  return n;
}

ErrorOr<void> truncate(uint32_t handle, uint64_t bytes) {
  return nothing(call({.operation = PL_OP_TRUNCATE, .handle = handle, .offset = bytes}));
}

static ErrorOr<void> set_attributes(uint32_t handle, std::string_view name, uint32_t which, uint64_t mode, uint64_t owner, pl_times times) {
  auto window = TRY(WindowBuffer::allocate(sizeof times + name.size()));
  window.write(0, &times, sizeof times);
  window.write(sizeof times, name.data(), name.size());
  if (!name.empty()) which |= PL_SET_NAMED;
  return nothing(call({.operation = PL_OP_ATTRIBUTES, .handle = handle, .buffer = window.offset(), .length = sizeof times, .extra = which,
                       .argument = {mode, owner, name.size()}}));
}

ErrorOr<void> set_mode(uint32_t handle, std::string_view name, uint32_t mode) { return set_attributes(handle, name, PL_SET_MODE, mode, 0, {}); }

ErrorOr<void> set_owner(uint32_t handle, std::string_view name, uint32_t uid, uint32_t gid) {
  return set_attributes(handle, name, PL_SET_OWNER, 0, uid | uint64_t(gid) << 32, {});
}

ErrorOr<void> set_times(uint32_t handle, std::string_view name, int64_t atime, int64_t mtime) {
  static_assert(TimeOmit == PL_TIME_OMIT && TimeNow == PL_TIME_NOW);
  return set_attributes(handle, name, PL_SET_TIMES, 0, 0, {atime, mtime});
}

ErrorOr<void> synchronize(uint32_t handle, bool data_only) {
  return nothing(call({.operation = PL_OP_SYNC, .handle = handle, .extra = data_only}));
}

ErrorOr<FileSystemStatus> file_system(uint32_t handle) {
  auto window = TRY(WindowBuffer::allocate(sizeof(pl_statfs)));
  TRY(nothing(call({.operation = PL_OP_STATFS, .handle = handle, .buffer = window.offset(), .length = sizeof(pl_statfs)})));
  pl_statfs raw;
  window.read(0, &raw, sizeof raw);
  FileSystemStatus s;
  s.type = 0x01021997;  // V9FS_MAGIC: a file system of someone else's
  s.block_size = TRY(HostValue<uint64_t>(raw.block_size).validate([](uint64_t b) { return b >= 512 && b <= 1 << 24; }));
  s.blocks = raw.blocks;
  s.free = raw.free;
  s.available = raw.available;
  s.files = raw.files;
  s.files_free = raw.files_free;
  return s;
}

ErrorOr<void> allocate(uint32_t handle, uint32_t mode, uint64_t offset, uint64_t bytes) {
  return nothing(call({.operation = PL_OP_ALLOCATE, .handle = handle, .extra = mode, .offset = offset, .argument = {bytes, 0, 0}}));
}

// fcntl_locking(2): length 0 is as far as a file can be.
static uint64_t lock_length(uint64_t first, uint64_t last) { return last >= uint64_t(INT64_MAX) ? 0 : last - first + 1; }

ErrorOr<void> lock(uint32_t handle, uint32_t type, uint64_t first, uint64_t last) {
  return nothing(call({.operation = PL_OP_LOCK, .handle = handle, .extra = type, .offset = first, .argument = {lock_length(first, last), 0, 0}}));
}

ErrorOr<bool> test_lock(uint32_t handle, uint32_t type, uint64_t first, uint64_t last, ForeignLock& found) {
  auto window = TRY(WindowBuffer::allocate(sizeof(pl_lock)));
  Reply reply = TRY(call({.operation = PL_OP_LOCK, .handle = handle, .buffer = window.offset(), .length = sizeof(pl_lock), .extra = PL_LOCK_TEST,
                          .offset = first, .argument = {lock_length(first, last), type, 0}}));
  const uint64_t which = TRY(reply.value.at_most(1 + PL_LOCK_EXCLUSIVE));
  if (!which) return false;
  // What does not conflict with the question is no answer to it.
  pl_lock raw;
  window.read(0, &raw, sizeof raw);
  found.exclusive = which == 1 + PL_LOCK_EXCLUSIVE;
  if (!found.exclusive && type == PL_LOCK_SHARED) return fail(Errno::Io);
  found.first = TRY(HostValue<uint64_t>(raw.first).at_most(std::min(last, uint64_t(INT64_MAX))));
  const uint64_t length = TRY(HostValue<uint64_t>(raw.length).at_most(uint64_t(INT64_MAX) - found.first));
  found.last = length ? found.first + length - 1 : uint64_t(INT64_MAX);
  if (found.last < first) return fail(Errno::Io);
  return true;
}

ErrorOr<pl_terminal> terminal(uint32_t handle) {
  auto window = TRY(WindowBuffer::allocate(sizeof(pl_terminal)));
  TRY(nothing(call({.operation = PL_OP_TERMINAL_GET, .handle = handle, .buffer = window.offset(), .length = sizeof(pl_terminal)})));
  pl_terminal raw;  // modes and a size: any value is one that a terminal can have
  window.read(0, &raw, sizeof raw);
  return raw;
}

ErrorOr<void> set_terminal(uint32_t handle, const pl_terminal& modes) {
  auto window = TRY(WindowBuffer::allocate(sizeof modes));
  window.write(0, &modes, sizeof modes);
  return nothing(call({.operation = PL_OP_TERMINAL_SET, .handle = handle, .buffer = window.offset(), .length = sizeof modes}));
}

ErrorOr<uint64_t> realtime(uint64_t not_before) {
  Reply reply = TRY(call({.operation = PL_OP_TIME}));
  return reply.value.validate([&](uint64_t ns) { return ns >= not_before && ns <= uint64_t(INT64_MAX); });
}

ErrorOr<void> announce_freeze() { return nothing(call({.operation = PL_OP_FORK_READY})); }
ErrorOr<void> relay() { return nothing(call({.operation = PL_OP_RELAY})); }

}  // namespace pl::ocall
