// SPDX-License-Identifier: BSD-2-Clause
#include "server/handles.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pl {

HandleTable::~HandleTable() {
  for (Handle& handle : handles_)
    if (handle.kind != Handle::Kind::Free && handle.kind != Handle::Kind::Stream) ::close(handle.descriptor);
}

Handle& HandleTable::fixed(uint32_t index) {
  if (index >= handles_.size()) handles_.resize(std::max<size_t>(index + 1, 3));
  return handles_[index];
}

void HandleTable::set_stream(uint32_t index, int descriptor) {
  auto stream = Stream::adopt(descriptor);
  set_stream(index, stream ? std::make_shared<Stream>(std::move(*stream)) : nullptr);
}

void HandleTable::set_stream(uint32_t index, Channel& channel) { set_stream(index, std::make_shared<Stream>(channel)); }

void HandleTable::set_stream(uint32_t index, std::shared_ptr<Stream> stream) {
  if (!stream) return;  // closed: the handle is void
  Handle& handle = fixed(index);
  handle.kind = Handle::Kind::Stream;
  handle.readable = handle.writable = true;
  handle.descriptor = stream->adopted();
  handle.stream = std::move(stream);
}

bool HandleTable::set_mount(uint16_t mount, int descriptor, bool read_only) {
  if (mount >= PL_HANDLE_FIRST - PL_HANDLE_MOUNT) return false;
  struct stat status;
  if (fstat(descriptor, &status) < 0) return false;
  Handle& handle = fixed(PL_HANDLE_MOUNT + mount);
  handle.kind = S_ISDIR(status.st_mode) ? Handle::Kind::Directory : Handle::Kind::File;
  handle.mount = mount;
  handle.read_only = read_only;
  int mode = fcntl(descriptor, F_GETFL) & O_ACCMODE;
  handle.readable = mode != O_WRONLY;
  handle.writable = mode != O_RDONLY;
  handle.descriptor = descriptor;
  return true;
}

Handle* HandleTable::find(uint32_t number) {
  uint32_t index = PL_HANDLE_INDEX(number);
  if (index >= handles_.size()) return nullptr;
  Handle& handle = handles_[index];
  return handle.kind != Handle::Kind::Free && handle.generation == number >> 16 ? &handle : nullptr;
}

Handle* HandleTable::stream(uint32_t number) {
  Handle* handle = find(number);
  return handle && handle->kind == Handle::Kind::Stream ? handle : nullptr;
}

Handle* HandleTable::file(uint32_t number) {
  Handle* handle = find(number);
  return handle && handle->kind == Handle::Kind::File ? handle : nullptr;
}

Handle* HandleTable::directory(uint32_t number) {
  Handle* handle = find(number);
  return handle && handle->kind == Handle::Kind::Directory ? handle : nullptr;
}

Handle* HandleTable::on_disk(uint32_t number) {
  Handle* handle = find(number);
  return handle && handle->kind != Handle::Kind::Stream ? handle : nullptr;
}

std::expected<uint32_t, int> HandleTable::open(Handle opened) {
  uint32_t index = std::max<uint32_t>(static_cast<uint32_t>(handles_.size()), PL_HANDLE_FIRST);
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (index < PL_HANDLES) {
    handles_.resize(index + 1);
  } else {
    return std::unexpected(EMFILE);
  }
  opened.generation = handles_[index].generation;
  handles_[index] = std::move(opened);
  return PL_HANDLE(index, handles_[index].generation);
}

bool HandleTable::close(uint32_t number) {
  Handle* handle = find(number);
  uint32_t index = PL_HANDLE_INDEX(number);
  if (!handle || index < PL_HANDLE_FIRST) return false;
  ::close(handle->descriptor);
  uint16_t next = static_cast<uint16_t>(handle->generation + 1);
  *handle = Handle{};
  handle->generation = next;
  free_.push_back(static_cast<uint16_t>(index));
  return true;
}

}  // namespace pl
