// SPDX-License-Identifier: BSD-2-Clause
// What an instance may name: its standard streams, its mounts' roots, and what it opened below them. A handle carries a
// generation, so that a closed one stays void.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

#include "penglai/ocall.h"
#include "server/stream.h"

namespace pl {

struct Handle {
  enum class Kind : uint8_t { Free, Stream, File, Directory };
  Kind kind = Kind::Free;
  uint16_t generation = 0;
  uint16_t mount = 0;      // which mount it was reached through
  bool read_only = false;  // the mount is
  bool readable = false, writable = false;
  int descriptor = -1;
  uint64_t list_cookie = 0;  // where a directory's descriptor stands
  std::shared_ptr<Stream> stream;  // of kind Stream
};

class HandleTable {
 public:
  HandleTable() = default;
  ~HandleTable();
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  // Standard stream 0, 1 or 2: the descriptor stays the caller's. Instances that have a stream in common share one; null: closed.
  void set_stream(uint32_t index, int descriptor);
  void set_stream(uint32_t index, std::shared_ptr<Stream> stream);
  // The same of a channel, which stays the caller's.
  void set_stream(uint32_t index, Channel& channel);
  // Takes the descriptor of a mount's root (an open directory or regular file); false: no such mount number.
  bool set_mount(uint16_t mount, int descriptor, bool read_only);

  // Null for one that is void. Good until the next set_stream(), set_mount() or open().
  Handle* find(uint32_t handle);
  Handle* stream(uint32_t handle);
  Handle* file(uint32_t handle);       // a regular file
  Handle* directory(uint32_t handle);
  Handle* on_disk(uint32_t handle);    // either

  // Takes the descriptor. EMFILE: too many.
  std::expected<uint32_t, int> open(Handle opened);
  // False: void, or a fixed one, which stays.
  bool close(uint32_t handle);

 private:
  Handle& fixed(uint32_t index);

  std::vector<Handle> handles_;  // as many as were ever used: most instances name their standard streams and no more
  std::vector<uint16_t> free_;
};

}  // namespace pl
