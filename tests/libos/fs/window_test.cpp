// SPDX-License-Identifier: BSD-2-Clause
// /dev/penglai: windows of host memory as files.
#include <criterion/criterion.h>

#include <cerrno>
#include <cstdlib>

#include "fs/path.h"
#include "hosted.h"
#include "memory/address_space.h"
#include "penglai/relay.h"

using namespace pl;
using namespace hosted;

namespace {

constexpr size_t Bytes = 8192;

struct Given {
  std::byte* memory = static_cast<std::byte*>(std::aligned_alloc(Bytes, Bytes));
  explicit Given(unsigned which) {
    std::memset(memory, 0, Bytes);
    boot.window[which] = {uint64_t(memory), Bytes};
  }
  ~Given() {
    boot = {};
    std::free(memory);
  }
};

Ref<File> open_window(const char* path, uint32_t flags = open_flag::ReadWrite) { return must(open_path(cwd(), path, flags, 0)); }

ErrorOr<MappingRequest> map(File& file, uint32_t protection, Sharing sharing) {
  MappingRequest request;
  request.protection = protection;
  request.sharing = sharing;
  TRY(file.prepare_map(request));
  return request;
}

}  // namespace

Test(windows, that_an_instance_was_not_given_cannot_be_opened) {
  make_window();
  make_tree();
  for (const char* path : {PENGLAI_SHARED, PENGLAI_RELAY}) {
    cr_expect_eq(error_of(open_path(cwd(), path, open_flag::ReadWrite, 0)), ENXIO);
    cr_expect(bool(resolve(cwd(), path, LastLink::Follow)), "it is there to be seen");
  }
}

Test(windows, are_read_and_written_in_place_and_end_where_they_end) {
  make_window();
  make_tree();
  Given given(PL_WINDOW_SHARED);
  auto file = open_window(PENGLAI_SHARED, open_flag::ReadWrite | open_flag::Truncate);
  cr_expect_eq(must(file->attributes()).size, Bytes);
  std::string text(5000, 'x');
  Buffer from = buffer(text);
  cr_expect_eq(must(file->write(from)), 5000u);
  cr_expect_eq(std::memcmp(given.memory, text.data(), 5000), 0);
  cr_expect_eq(given.memory[5000], std::byte{0});
  given.memory[4096] = std::byte{'y'};
  cr_expect_eq(must(file->seek(4095, 0)), 4095u);
  cr_expect_eq(read_all(*file).substr(0, 3), "xyx");
  Buffer end = buffer(text);
  cr_expect_eq(must(file->write_at(Bytes - 10, end)), 10u);
  Buffer behind = buffer(text);
  cr_expect_eq(error_of(file->write_at(Bytes, behind)), ENOSPC);
  cr_expect_eq(must(file->read_at(Bytes, behind)), 0u);
  cr_expect_eq(error_of(file->truncate(4096)), EINVAL);
  // The other one is another matter.
  cr_expect_eq(error_of(open_path(cwd(), PENGLAI_RELAY, open_flag::ReadWrite, 0)), ENXIO);
}

Test(windows, are_mapped_as_the_hosts_own_frames_and_never_as_code) {
  make_window();
  make_tree();
  Given given(PL_WINDOW_RELAY);
  auto file = open_window(PENGLAI_RELAY);
  auto request = must(map(*file, ProtectionRead | ProtectionWrite, Sharing::Shared));
  cr_expect_eq(request.max_protection & ProtectionExecute, 0u);
  for (unsigned index = 0; index < 2; index++)
    for (bool shared : {false, true}) cr_expect_eq(must(request.inode->page(index, shared)).address().value, uint64_t(given.memory) + index * 4096);
  cr_expect_eq(error_of(request.inode->page(2, true)), ENXIO);
  // Two opens of it are one thing, for a futex in it.
  cr_expect_eq(must(map(*open_window(PENGLAI_RELAY), ProtectionRead, Sharing::Shared)).inode.get(), request.inode.get());
  auto reader = open_window(PENGLAI_RELAY, open_flag::ReadOnly);
  cr_expect_eq(error_of(map(*reader, ProtectionRead | ProtectionWrite, Sharing::Shared)), EACCES);
  cr_expect_eq(must(map(*reader, ProtectionRead, Sharing::Shared)).max_protection, unsigned(ProtectionRead));
}

Test(windows, the_relay_page_is_handed_over_by_one_request_and_only_it) {
  make_window();
  make_tree();
  Given relay(PL_WINDOW_RELAY);
  boot.window[PL_WINDOW_SHARED] = boot.window[PL_WINDOW_RELAY];
  auto file = open_window(PENGLAI_RELAY), shared = open_window(PENGLAI_SHARED);
  auto reader = open_window(PENGLAI_RELAY, open_flag::ReadOnly);
  unsigned asked = 0;
  serve([&](const pl_request& r) {
    cr_expect_eq(r.operation, PL_OP_RELAY);
    ++asked;
    relay.memory[0] = std::byte{'h'};
    reply(r, 0);
  });
  cr_expect_eq(must(file->ioctl(PENGLAI_RELAY_RETURN, UserAddress())), 0u);
  cr_expect_eq(asked, 1u);
  char first;
  Buffer to = Buffer::kernel(&first, 1);
  cr_expect_eq(must(file->read_at(0, to)), 1u);
  cr_expect_eq(first, 'h');
  cr_expect_eq(error_of(shared->ioctl(PENGLAI_RELAY_RETURN, UserAddress())), ENOTTY);
  cr_expect_eq(error_of(reader->ioctl(PENGLAI_RELAY_RETURN, UserAddress())), EBADF);
  cr_expect_eq(error_of(file->ioctl(0x5401, UserAddress())), ENOTTY);
  cr_expect_eq(asked, 1u);
}

Test(windows, an_answer_to_the_relay_that_is_none_is_not_believed) {
  make_window();
  make_tree();
  Given relay(PL_WINDOW_RELAY);
  auto file = open_window(PENGLAI_RELAY);
  for (int32_t lie : {1, 4096, -EAGAIN, -191, -4000}) {
    serve([&](const pl_request& r) { reply(r, lie); });
    cr_expect_eq(error_of(file->ioctl(PENGLAI_RELAY_RETURN, UserAddress())), EIO, "%d", lie);
  }
  serve([&](const pl_request& r) { reply(r, -ENOSYS); });
  cr_expect_eq(error_of(file->ioctl(PENGLAI_RELAY_RETURN, UserAddress())), ENOSYS);
}
