// SPDX-License-Identifier: BSD-2-Clause
// Opening below a mount, and reading directories. One component at a time, links never followed (the libOS follows them),
// only regular files and directories: a FIFO or a device is nothing that an enclave may reach.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "server/operations.h"

namespace pl {
namespace {

struct LinuxDirent {  // getdents64(2)
  uint64_t inode;
  uint64_t next;
  uint16_t record;
  uint8_t type;
  char name[];
};
constexpr size_t kNameOffset = offsetof(LinuxDirent, name);

constexpr size_t round8(size_t size) { return (size + 7) & ~size_t{7}; }

int open_beneath(int directory, const char* name, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, directory, name, &how, sizeof how));
}

bool may_be_opened(mode_t mode) { return S_ISREG(mode) || S_ISDIR(mode); }

// Looked at first, since opening some devices has an effect; what open_beneath() gives is looked at again.
int check_type(int directory, const char* name, bool create) {
  struct stat status;
  if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return errno == ENOENT && create ? 0 : errno;
  if (S_ISLNK(status.st_mode)) return ELOOP;
  return may_be_opened(status.st_mode) ? 0 : ENXIO;
}

}  // namespace

std::expected<Name, int> copy_name(const Window& window, uint64_t buffer, uint64_t length) {
  if (length == 0) return std::unexpected(ENOENT);
  if (length > NAME_MAX) return std::unexpected(ENAMETOOLONG);
  auto bytes = window.data(buffer, length);
  if (!bytes) return std::unexpected(EINVAL);
  Name name{};
  std::memcpy(name.text, bytes->data(), length);
  if (std::memchr(name.text, '\0', length) || std::memchr(name.text, '/', length)) return std::unexpected(EINVAL);
  if (std::strcmp(name.text, ".") == 0 || std::strcmp(name.text, "..") == 0) return std::unexpected(EINVAL);
  return name;
}

std::span<std::byte> behind_name(const Window& window, const pl_request& request, size_t size) {
  auto place = window.data(uint64_t{request.buffer} + round8(request.length), size);
  return place ? *place : std::span<std::byte>{};
}

Outcome operation_open(Instance& instance, const pl_request& request) {
  Handle* directory = instance.handles().directory(request.handle);
  if (!directory) return failed(EBADF);
  auto name = copy_name(instance.window(), request.buffer, request.length);
  if (!name) return failed(name.error());
  auto place = behind_name(instance.window(), request, sizeof(pl_stat));
  if (place.empty()) return failed(EINVAL);

  const uint32_t ask = request.extra;
  const bool reads = ask & PL_OPEN_READ, writes = ask & PL_OPEN_WRITE, creates = ask & PL_OPEN_CREATE;
  if (!reads && !writes && !(ask & PL_OPEN_DIRECTORY)) return failed(EINVAL);
  if (directory->read_only && (writes || creates || (ask & PL_OPEN_TRUNCATE))) return failed(EROFS);
  int flags = reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
  if (creates) flags |= O_CREAT;
  if (ask & PL_OPEN_EXCLUSIVE) flags |= O_EXCL;
  if (ask & PL_OPEN_TRUNCATE) flags |= O_TRUNC;
  if (ask & PL_OPEN_DIRECTORY) flags |= O_DIRECTORY;
  if (ask & PL_OPEN_APPEND) flags |= O_APPEND;
  if (creates && (ask & PL_OPEN_DIRECTORY)) return failed(EINVAL);  // open(2): unspecified

  if (int error = check_type(directory->descriptor, name->text, creates)) return failed(error);
  int descriptor =
      open_beneath(directory->descriptor, name->text, flags, creates ? static_cast<mode_t>(request.arg[0] & 07777) : 0);
  if (descriptor < 0) return failed(errno == EXDEV ? ELOOP : errno);
  struct stat status;
  int error = fstat(descriptor, &status) < 0 ? errno : may_be_opened(status.st_mode) ? 0 : ENXIO;
  if (!error) error = -put_status(place, descriptor, "");
  if (error) {
    close(descriptor);
    return failed(error);
  }
  Handle opened;
  opened.kind = S_ISDIR(status.st_mode) ? Handle::Kind::Directory : Handle::Kind::File;
  opened.mount = directory->mount;
  opened.read_only = directory->read_only;
  opened.readable = reads || !writes;
  opened.writable = writes;
  opened.descriptor = descriptor;
  auto handle = instance.handles().open(std::move(opened));
  if (!handle) {
    close(descriptor);
    return failed(handle.error());
  }
  return {.value = *handle};
}

Outcome operation_close(Instance& instance, const pl_request& request) {
  return instance.handles().close(request.handle) ? Outcome{} : failed(EBADF);
}

Outcome operation_list(Instance& instance, const pl_request& request) {
  Handle* directory = instance.handles().directory(request.handle);
  if (!directory) return failed(EBADF);
  auto buffer = instance.window().data(request.buffer, request.length);
  if (!buffer) return failed(EINVAL);

  // A record of ours is at most 8 bytes longer than the kernel's, which has 24 at least: three quarters always fit.
  alignas(8) std::array<std::byte, 32768> records;
  size_t ask = std::min(buffer->size() / 4 * 3, records.size());
  if (ask < round8(kNameOffset + NAME_MAX + 1)) return failed(EINVAL);
  if (request.offset == 0 || request.offset != directory->list_cookie) {
    if (lseek(directory->descriptor, static_cast<off_t>(request.offset), SEEK_SET) < 0) return failed(errno);
    directory->list_cookie = request.offset;
  }
  size_t written = 0;
  while (written == 0) {
    long got = syscall(SYS_getdents64, directory->descriptor, records.data(), ask);
    if (got < 0) return failed(errno);
    if (got == 0) break;
    for (size_t at = 0; at < static_cast<size_t>(got);) {
      auto* entry = reinterpret_cast<const LinuxDirent*>(records.data() + at);
      at += entry->record;
      directory->list_cookie = entry->next;
      size_t length = std::strlen(entry->name);
      // "." and ".." are the libOS's own to say; they would also tell inodes from above the mount.
      if (std::strcmp(entry->name, ".") == 0 || std::strcmp(entry->name, "..") == 0) continue;
      size_t size = round8(sizeof(pl_dirent) + length);
      if (length > UINT8_MAX || written + size > buffer->size()) continue;
      pl_dirent out{};
      out.inode = entry->inode;
      out.cookie = entry->next;
      out.record = static_cast<uint16_t>(size);
      out.type = entry->type;
      out.name_length = static_cast<uint8_t>(length);
      std::byte* to = buffer->data() + written;
      std::memset(to + sizeof out, 0, size - sizeof out);
      std::memcpy(to, &out, sizeof out);
      std::memcpy(to + sizeof out, entry->name, length);
      written += size;
    }
  }
  return {.result = static_cast<int32_t>(written)};
}

}  // namespace pl
