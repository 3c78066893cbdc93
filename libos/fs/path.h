// SPDX-License-Identifier: BSD-2-Clause
// From path names to inodes: the walk over mounts and symbolic links (path_resolution(7)), permission checks, and the operations
// on names. Everything is done with the credentials and the FileContext of the current thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/ref.h"
#include "fs/abi.h"
#include "fs/context.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "memory/user.h"

namespace pl {

// A path name copied in from the program: ENAMETOOLONG beyond PATH_MAX. Short ones need no allocation.
class PathName {
 public:
  PathName() = default;
  ~PathName();
  PathName(const PathName&) = delete;
  ErrorOr<void> read(UserAddress from);
  std::string_view view() const { return view_; }

 private:
  static constexpr size_t Word = sizeof(uint64_t);
  alignas(Word) char short_[192 + Word];
  char* long_ = nullptr;
  std::string_view view_;
};

enum class LastLink : uint8_t { Follow, Keep };  // is a symbolic link at the end of the path followed?

// `base` is where a relative path starts (ignored for an absolute one). ENOENT for an empty path.
ErrorOr<Ref<Inode>> resolve(const Ref<Inode>& base, std::string_view path, LastLink last);

// The directory that holds the last component, and that component, which may not exist ("." and ".." are left to the caller).
struct Place {
  Ref<Inode> directory;
  char name[MaxName + 1];
  uint8_t length = 0;
  bool must_be_directory = false;  // the path ended in '/'
  std::string_view view() const { return {name, length}; }
};
ErrorOr<void> resolve_place(const Ref<Inode>& base, std::string_view path, Place& place);

// The base for a descriptor argument: AT_FDCWD or a directory.
ErrorOr<Ref<Inode>> base_directory(int descriptor);

// EACCES unless `who` may do `access` (AccessRead | AccessWrite | AccessExecute); EROFS for writing on a read-only file system.
ErrorOr<void> check_access(Inode& inode, uint32_t access, const FileCredentials& who);

// open(2) without the descriptor: flags are checked already. `flags` may hold open_flag::Resolve.
ErrorOr<Ref<File>> open_path(const Ref<Inode>& base, std::string_view path, uint32_t flags, uint32_t mode);
// What execve needs: a regular file that the caller may execute (EACCES), links followed, from the working directory.
ErrorOr<Ref<Inode>> open_executable(std::string_view path);

ErrorOr<void> make_node(const Ref<Inode>& base, std::string_view path, uint32_t mode, uint64_t device);  // mkdir, mknod
ErrorOr<void> make_link(const Ref<Inode>& from, const Ref<Inode>& base, std::string_view path);
ErrorOr<void> make_symbolic_link(std::string_view target, const Ref<Inode>& base, std::string_view path);
ErrorOr<void> remove(const Ref<Inode>& base, std::string_view path, bool directory);
ErrorOr<void> rename(const Ref<Inode>& from_base, std::string_view from, const Ref<Inode>& to_base, std::string_view to, uint32_t flags);

// The path of an inode, or what it was, as seen from `root`. Fills `out` from the start; ENOENT when it never had a name, ERANGE when it does
// not fit. Returns the length, without a NUL.
ErrorOr<size_t> path_of(Inode& inode, const Ref<Inode>& root, char* out, size_t capacity);
// As /proc shows it: with " (deleted)" behind that of a removed one.
ErrorOr<size_t> shown_path_of(Inode& inode, const Ref<Inode>& root, char* out, size_t capacity);

}  // namespace pl
