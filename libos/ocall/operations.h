// SPDX-License-Identifier: BSD-2-Clause
// Requests with typed, validated answers. A name has no '/' and is not empty; answers are EIO where the host breaks its word.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "fs/inode.h"
#include "memory/frame.h"
#include "ocall/ring.h"

namespace pl::ocall {

struct Opened {
  uint32_t handle;
  Attributes attributes;
};

ErrorOr<Attributes> stat(uint32_t handle);
ErrorOr<Attributes> lookup(uint32_t directory, std::string_view name);
ErrorOr<Opened> open(uint32_t directory, std::string_view name, uint32_t flags, uint32_t mode);
void close(uint32_t handle);

// Straight between the window and the buffer, in pieces as large as the window allows. Short only at the end of the file.
ErrorOr<size_t> read_at(uint32_t handle, uint64_t offset, Buffer& to);
ErrorOr<size_t> write_at(uint32_t handle, uint64_t offset, Buffer& from);
// One page for a mapping; what is behind the end of the file is zero. Returns the bytes that came.
ErrorOr<size_t> read_page(uint32_t handle, uint64_t offset, std::byte* page);

// Some entries from `cookie` on; visits checked names only, "." and ".." left out. True at the end. `visit` does not sleep; false stops.
// At most `room` bytes of records are asked for, if that is enough for one.
// `cookie` moves behind what was seen: an answer of nothing but ".." visits nothing and is not the end.
ErrorOr<bool> list(uint32_t directory, uint64_t& cookie, size_t room, bool (*visit)(void*, const DirectoryEntry&), void* context);

ErrorOr<void> make_directory(uint32_t directory, std::string_view name, uint32_t mode);
ErrorOr<void> unlink(uint32_t directory, std::string_view name, bool is_directory);
ErrorOr<void> rename(uint32_t directory, std::string_view name, uint32_t to_directory, std::string_view to_name, uint32_t flags);
ErrorOr<void> link(uint32_t file, uint32_t directory, std::string_view name);
ErrorOr<void> make_symbolic_link(uint32_t directory, std::string_view name, std::string_view target);
ErrorOr<size_t> read_link(uint32_t directory, std::string_view name, char* out, size_t capacity);
ErrorOr<void> truncate(uint32_t handle, uint64_t bytes);
// Of `name` in the directory `handle`, or of the open file `handle` when `name` is empty. Links are not followed.
ErrorOr<void> set_mode(uint32_t handle, std::string_view name, uint32_t mode);
ErrorOr<void> set_owner(uint32_t handle, std::string_view name, uint32_t uid, uint32_t gid);  // ~0: as is
ErrorOr<void> set_times(uint32_t handle, std::string_view name, int64_t atime, int64_t mtime);
ErrorOr<void> synchronize(uint32_t handle, bool data_only);
ErrorOr<FileSystemStatus> file_system(uint32_t handle);
ErrorOr<void> allocate(uint32_t handle, uint32_t mode, uint64_t offset, uint64_t bytes);

// Of the handle (PL_LOCK_*, with PL_LOCK_FLOCK of the whole file); EAGAIN if somebody else's is in the way. `last` INT64_MAX: to the end.
ErrorOr<void> lock(uint32_t handle, uint32_t type, uint64_t first, uint64_t last);
struct ForeignLock {
  bool exclusive;
  uint64_t first, last;
};
// What is in the way of a lock, if anything: true.
ErrorOr<bool> test_lock(uint32_t handle, uint32_t type, uint64_t first, uint64_t last, ForeignLock& found);

ErrorOr<pl_terminal> terminal(uint32_t handle);
ErrorOr<void> set_terminal(uint32_t handle, const pl_terminal& modes);

// CLOCK_REALTIME in nanoseconds as the host claims it; not before `not_before`.
ErrorOr<uint64_t> realtime(uint64_t not_before);
// The template is about to freeze.
ErrorOr<void> announce_freeze();
// The relay window is the host's; returns when it is this instance's again.
ErrorOr<void> relay();

}  // namespace pl::ocall
