// SPDX-License-Identifier: BSD-2-Clause
// Requests as an attacker would write them: nothing outside the mounts is reached, nothing outside the window is touched.
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <random>

#include "fake_libos.h"

using namespace pl;
using namespace pl::test;

namespace {

struct Fixture {
  Directory outside;
  FakeLibos libos;
  uint32_t root;
  Fixture() {
    outside.write("secret", "secret");
    std::filesystem::create_directory(outside.path("shown"));
    std::ofstream(outside.path("shown/file")) << "content";
    root = libos.mount(outside.path("shown"));
  }
};

}  // namespace

Test(hostile, a_name_is_one_component_and_no_way_up) {
  Fixture f;
  for (std::string_view name : {std::string_view(".."), std::string_view("."), std::string_view("../secret"), std::string_view("/etc/passwd"),
                                std::string_view("a/b"), std::string_view("file\0x", 6), std::string_view("")}) {
    cr_assert_lt(f.libos.open(f.root, name, PL_OPEN_READ).result, 0);
    cr_assert_lt(f.libos.call(f.libos.named(PL_OP_LOOKUP, f.root, name)).result, 0);
    cr_assert_lt(f.libos.call(f.libos.named(PL_OP_MKDIR, f.root, name)).result, 0);
    cr_assert_lt(f.libos.call(f.libos.named(PL_OP_UNLINK, f.root, name)).result, 0);
  }
  cr_assert_eq(f.libos.open(f.root, std::string(256, 'n'), PL_OPEN_READ).result, -ENAMETOOLONG);
}

Test(hostile, a_link_is_never_followed) {
  Fixture f;
  cr_assert_eq(symlink("../secret", f.outside.path("shown/up").c_str()), 0);
  cr_assert_eq(symlink("file", f.outside.path("shown/inside").c_str()), 0);
  cr_assert_eq(symlink("/", f.outside.path("shown/top").c_str()), 0);
  cr_assert_eq(f.libos.open(f.root, "up", PL_OPEN_READ).result, -ELOOP);
  cr_assert_eq(f.libos.open(f.root, "inside", PL_OPEN_READ).result, -ELOOP);
  cr_assert_lt(f.libos.open(f.root, "top", PL_OPEN_READ | PL_OPEN_DIRECTORY).result, 0);
  cr_assert_lt(f.libos.open(f.root, "up", PL_OPEN_WRITE | PL_OPEN_CREATE).result, 0);
  cr_assert_lt(f.libos.open(f.root, "up", PL_OPEN_WRITE | PL_OPEN_TRUNCATE).result, 0);
  cr_assert_eq(f.outside.read("secret"), "secret");
}

Test(hostile, fifos_sockets_and_devices_are_refused_at_once) {
  Fixture f;
  cr_assert_eq(mkfifo(f.outside.path("shown/fifo").c_str(), 0666), 0);
  int socket_descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, f.outside.path("shown/socket").c_str());
  cr_assert_eq(bind(socket_descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  cr_assert_eq(f.libos.open(f.root, "fifo", PL_OPEN_READ).result, -ENXIO);
  cr_assert_eq(f.libos.open(f.root, "fifo", PL_OPEN_WRITE).result, -ENXIO);
  cr_assert_eq(f.libos.open(f.root, "socket", PL_OPEN_READ).result, -ENXIO);
  close(socket_descriptor);
  FakeLibos other;
  cr_assert_eq(other.open(other.mount("/dev"), "null", PL_OPEN_READ).result, -ENXIO);
}

Test(hostile, a_read_only_mount_refuses_every_change) {
  Fixture f;
  FakeLibos libos;
  uint32_t root = libos.mount(f.outside.path("shown"), true);
  auto file = static_cast<uint32_t>(libos.open(root, "file", PL_OPEN_READ).value);
  for (uint32_t how : {PL_OPEN_WRITE, PL_OPEN_READ | PL_OPEN_WRITE, PL_OPEN_READ | PL_OPEN_CREATE, PL_OPEN_READ | PL_OPEN_TRUNCATE})
    cr_assert_eq(libos.open(root, "file", how).result, -EROFS);
  cr_assert_eq(libos.call(libos.named(PL_OP_MKDIR, root, "d")).result, -EROFS);
  cr_assert_eq(libos.call(libos.named(PL_OP_UNLINK, root, "file")).result, -EROFS);
  pl_request request = libos.named(PL_OP_RENAME, root, "file");
  libos.put(FakeLibos::kMore, "x");
  request.arg[0] = root, request.arg[1] = FakeLibos::kMore, request.arg[2] = 1;
  cr_assert_eq(libos.call(request).result, -EROFS);
  request = libos.named(PL_OP_LINK, file, "x");
  request.arg[0] = root;
  cr_assert_eq(libos.call(request).result, -EROFS);
  request = libos.named(PL_OP_SYMLINK, root, "x");
  request.arg[1] = FakeLibos::kMore, request.arg[2] = 1;
  cr_assert_eq(libos.call(request).result, -EROFS);
  cr_assert_eq(libos.simple(PL_OP_ATTRIBUTES, file, PL_SET_MODE, 0, 0777).result, -EROFS);
  cr_assert_eq(libos.transfer(PL_OP_PWRITE, file, 1).result, -EBADF);
  cr_assert_eq(libos.simple(PL_OP_TRUNCATE, file, 0, 0).result, -EBADF);
  cr_assert_eq(libos.simple(PL_OP_ALLOCATE, file, 0, 0, 1).result, -EBADF);
}

Test(hostile, nothing_moves_from_one_mount_to_another) {
  Fixture f;
  Directory other;
  uint32_t second = f.libos.mount(other.path(), false, 1);
  pl_request request = f.libos.named(PL_OP_RENAME, f.root, "file");
  f.libos.put(FakeLibos::kMore, "x");
  request.arg[0] = second, request.arg[1] = FakeLibos::kMore, request.arg[2] = 1;
  cr_assert_eq(f.libos.call(request).result, -EXDEV);
  auto file = static_cast<uint32_t>(f.libos.open(f.root, "file", PL_OPEN_READ).value);
  request = f.libos.named(PL_OP_LINK, file, "x");
  request.arg[0] = second;
  cr_assert_eq(f.libos.call(request).result, -EXDEV);
}

Test(hostile, a_buffer_outside_the_data_area_is_refused) {
  Fixture f;
  auto file = static_cast<uint32_t>(f.libos.open(f.root, "file", PL_OPEN_READ).value);
  struct { uint32_t buffer, length; } cases[] = {
      {0, 8}, {PL_RING_REQUESTS, 64}, {PL_RING_DATA - 1, 2}, {FakeLibos::kSize, 1}, {FakeLibos::kSize - 1, 2},
      {UINT32_MAX, 1}, {PL_RING_DATA, UINT32_MAX}, {PL_RING_DATA, FakeLibos::kSize}, {UINT32_MAX, UINT32_MAX}};
  for (auto [buffer, length] : cases) {
    for (uint16_t operation : {PL_OP_PREAD, PL_OP_LIST, PL_OP_OPEN, PL_OP_LOOKUP, PL_OP_MKDIR, PL_OP_READLINK, PL_OP_SYMLINK}) {
      pl_request request{};
      request.operation = operation;
      request.handle = operation == PL_OP_PREAD ? file : f.root;
      request.buffer = buffer;
      request.length = length;
      request.extra = PL_OPEN_READ;
      cr_assert_lt(f.libos.call(request).result, 0, "operation %d, %u+%u", operation, buffer, length);
    }
  }
  // The name fits, what is told behind it does not.
  pl_request request = f.libos.named(PL_OP_LOOKUP, f.root, "file");
  request.buffer = FakeLibos::kSize - 8;
  f.libos.put(request.buffer, "file");
  cr_assert_eq(f.libos.call(request).result, -EINVAL);
  request = f.libos.named(PL_OP_READLINK, f.root, "file");
  request.arg[1] = UINT64_MAX, request.arg[2] = 2;
  cr_assert_eq(f.libos.call(request).result, -EINVAL);
  request.arg[1] = UINT64_MAX - 4, request.arg[2] = UINT64_MAX;
  cr_assert_eq(f.libos.call(request).result, -EINVAL);
}

Test(hostile, an_offset_beyond_files_is_refused) {
  Fixture f;
  auto file = static_cast<uint32_t>(f.libos.open(f.root, "file", PL_OPEN_READ | PL_OPEN_WRITE).value);
  for (uint64_t offset : {UINT64_MAX, uint64_t{1} << 63}) {
    cr_assert_eq(f.libos.transfer(PL_OP_PREAD, file, 1, offset).result, -EINVAL);
    cr_assert_eq(f.libos.transfer(PL_OP_PWRITE, file, 1, offset).result, -EINVAL);
    cr_assert_eq(f.libos.simple(PL_OP_TRUNCATE, file, 0, offset).result, -EINVAL);
    cr_assert_eq(f.libos.simple(PL_OP_ALLOCATE, file, 0, offset, 1).result, -EINVAL);
    cr_assert_eq(f.libos.simple(PL_OP_LOCK, file, PL_LOCK_SHARED, offset, 1).result, -EINVAL);
  }
  cr_assert_eq(f.libos.simple(PL_OP_LOCK, file, PL_LOCK_SHARED, INT64_MAX, INT64_MAX).result, -EINVAL);
}

Test(hostile, an_invented_handle_is_void) {
  Fixture f;
  for (uint32_t handle : {3u, 15u, 17u, 63u, 64u, 511u, 512u, 65535u, PL_HANDLE(16, 1), UINT32_MAX})
    for (uint16_t operation = PL_OP_READ; operation <= PL_OP_ALLOCATE; ++operation)
      if (operation != PL_OP_TIME) {
        pl_request request = f.libos.named(operation, handle, "file");
        request.arg[0] = handle;
        cr_assert_eq(f.libos.call(request).result, -EBADF, "operation %d handle %x", operation, handle);
      }
}

Test(hostile, a_broken_ring_ends_the_instance) {
  {
    FakeLibos libos;
    libos.ring().request_tail = PL_RING_ENTRIES + 1;
    cr_assert_eq(libos.instance.serve(), Instance::Served::Broken);
    cr_assert(!libos.instance.broken().empty());
  }
  {
    FakeLibos libos;
    libos.ring().request_tail = UINT32_MAX;
    cr_assert_eq(libos.instance.serve(), Instance::Served::Broken);
  }
  {
    FakeLibos libos;
    pl_request request{};
    request.slot = PL_RING_ENTRIES;
    libos.queue(request);
    cr_assert_eq(libos.instance.serve(), Instance::Served::Broken);
  }
}

Test(hostile, text_for_a_person_cannot_steer_a_terminal) {
  FakeLibos libos;
  std::strcpy(libos.ring().panic, "\033[2Jgone\007\n\xff wild");
  cr_assert_eq(libos.instance.panic_text(), "?[2Jgone?\n? wild");
  std::memset(libos.ring().panic, 'x', sizeof libos.ring().panic);
  cr_assert_eq(libos.instance.panic_text().size(), sizeof libos.ring().panic);
  std::memset(libos.ring().log, 'y', sizeof libos.ring().log);
  libos.ring().log_length = UINT32_MAX;
  cr_assert_eq(libos.instance.take_log().size(), sizeof libos.ring().log);
  cr_assert(libos.instance.take_log().empty());
}

Test(hostile, no_garbled_request_does_harm) {
  Fixture f;
  std::mt19937_64 random(7);
  for (int round = 0; round < 50000; ++round) {
    pl_request request{};
    request.operation = static_cast<uint16_t>(random() % 30);
    request.flags = static_cast<uint16_t>(random());
    const uint32_t handles[] = {f.root, 0, 64, 65, 66, PL_HANDLE(64, 1), static_cast<uint32_t>(random())};
    const uint64_t places[] = {FakeLibos::kText, FakeLibos::kSize - 64, 0, random() % 70000, random()};
    const uint64_t lengths[] = {4, 0, random() % 300, random() % 70000, random()};
    request.handle = handles[random() % 7];
    request.buffer = static_cast<uint32_t>(places[random() % 5]);
    request.length = static_cast<uint32_t>(lengths[random() % 5]);
    request.extra = static_cast<uint32_t>(random() % 128);
    request.offset = random() % 2 ? random() % 100000 : random();
    request.arg[0] = random() % 2 ? f.root : random() & 07777;
    request.arg[1] = places[random() % 5];
    request.arg[2] = lengths[random() % 5];
    if (random() % 4) f.libos.put(FakeLibos::kText, "file");
    request.slot = static_cast<uint16_t>(round % PL_RING_ENTRIES);
    f.libos.queue(request);
    cr_assert_neq(f.libos.instance.serve(), Instance::Served::Broken, "%s", f.libos.instance.broken().c_str());
  }
  cr_assert_eq(f.outside.read("secret"), "secret");
  size_t entries = 0;
  for ([[maybe_unused]] auto& entry : std::filesystem::directory_iterator(f.outside.path())) ++entries;
  cr_assert_eq(entries, 2);
}
