// SPDX-License-Identifier: BSD-2-Clause
// Stands in for a libOS: writes requests into a window, as the enclave does, and reads what the server replied.
#pragma once

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "server/instance.h"
#include "server/invocation.h"

namespace pl::test {

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/pl-host-test-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string path(std::string_view name = "") const { return path_ + "/" + std::string(name); }
  void write(std::string_view name, std::string_view content) const {
    std::ofstream(path(name), std::ios::binary) << content;
  }
  std::string read(std::string_view name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

class FakeLibos {
 public:
  static constexpr uint32_t kText = PL_RING_DATA;           // names
  static constexpr uint32_t kMore = PL_RING_DATA + 8192;    // second names, targets
  static constexpr uint32_t kBuffer = PL_RING_DATA + 16384; // bytes
  static constexpr uint32_t kSize = PL_WINDOW_DEFAULT;

  FakeLibos() : memory_(new (std::align_val_t(4096)) std::byte[kSize]()), instance({memory_, kSize}) {
    prepare_window(instance.window(), Invocation{});
  }
  ~FakeLibos() { operator delete[](memory_, std::align_val_t(4096)); }

  pl_ring& ring() { return *reinterpret_cast<pl_ring*>(memory_); }
  std::byte* at(uint32_t offset) { return memory_ + offset; }
  template <class T>
  T get(uint32_t offset) {
    T value;
    std::memcpy(&value, memory_ + offset, sizeof value);
    return value;
  }
  void put(uint32_t offset, std::string_view text) { std::memcpy(memory_ + offset, text.data(), text.size()); }
  std::string text(uint32_t offset, size_t size) { return {reinterpret_cast<char*>(memory_ + offset), size}; }

  void queue(const pl_request& request) {
    uint32_t tail = ring().request_tail;
    std::memcpy(memory_ + PL_RING_REQUESTS + tail % PL_RING_ENTRIES * sizeof request, &request, sizeof request);
    ring().request_tail = tail + 1;
  }
  bool reply(pl_reply& out) {
    if (ring().reply_head == ring().reply_tail) return false;
    std::memcpy(&out, memory_ + PL_RING_REPLIES + ring().reply_head % PL_RING_ENTRIES * sizeof out, sizeof out);
    ring().reply_head++;
    return true;
  }
  // One request that ends at once.
  pl_reply call(pl_request request) {
    request.slot = static_cast<uint16_t>(next_ % PL_RING_ENTRIES);
    request.generation = static_cast<uint16_t>(++next_);
    queue(request);
    cr_assert_neq(instance.serve(), Instance::Served::Broken, "%s", instance.broken().c_str());
    pl_reply out{};
    cr_assert(reply(out));
    cr_assert_eq(out.slot, request.slot);
    cr_assert_eq(out.generation, request.generation);
    return out;
  }
  // A request with a name at kText.
  pl_request named(uint16_t operation, uint32_t handle, std::string_view name) {
    put(kText, name);
    pl_request request{};
    request.operation = operation;
    request.handle = handle;
    request.buffer = kText;
    request.length = static_cast<uint32_t>(name.size());
    return request;
  }
  pl_reply open(uint32_t directory, std::string_view name, uint32_t how, uint32_t mode = 0644) {
    pl_request request = named(PL_OP_OPEN, directory, name);
    request.extra = how;
    request.arg[0] = mode;
    return call(request);
  }
  pl_stat status_behind(std::string_view name) {
    return get<pl_stat>(kText + static_cast<uint32_t>((name.size() + 7) & ~size_t{7}));
  }
  pl_reply transfer(uint16_t operation, uint32_t handle, uint32_t length, uint64_t offset = 0, uint16_t flags = 0) {
    pl_request request{};
    request.operation = operation;
    request.handle = handle;
    request.buffer = kBuffer;
    request.length = length;
    request.offset = offset;
    request.flags = flags;
    return call(request);
  }
  pl_reply simple(uint16_t operation, uint32_t handle, uint32_t extra = 0, uint64_t offset = 0, uint64_t argument = 0) {
    pl_request request{};
    request.operation = operation;
    request.handle = handle;
    request.buffer = kBuffer;
    request.extra = extra;
    request.offset = offset;
    request.arg[0] = argument;
    return call(request);
  }
  uint32_t mount(const std::string& path, bool read_only = false, uint16_t number = 0) {
    int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    cr_assert(descriptor >= 0);
    cr_assert(instance.handles().set_mount(number, descriptor, read_only));
    return PL_HANDLE(PL_HANDLE_MOUNT + number, 0);
  }

 private:
  std::byte* memory_;
  unsigned next_ = 0;

 public:
  Instance instance;
};

}  // namespace pl::test
