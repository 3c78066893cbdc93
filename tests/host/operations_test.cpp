// SPDX-License-Identifier: BSD-2-Clause
// Every operation on files, as a well-behaved libOS asks for it, against a real directory.
#include <dirent.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/time.h>

#include <cerrno>
#include <map>
#include <set>

#include "device/descriptor.h"
#include "fake_libos.h"
#include "server/debugger_port.h"

using namespace pl;
using namespace pl::test;

Test(operations, nothing_is_done_by_nop) {
  FakeLibos libos;
  pl_reply reply = libos.simple(PL_OP_NOP, 0);
  cr_assert_eq(reply.result, 0);
  cr_assert_eq(libos.ring().request_head, 1);
}

Test(operations, an_unknown_one_is_enosys) {
  FakeLibos libos;
  cr_assert_eq(libos.simple(PL_OP_FORK_READY + 1, 0).result, -ENOSYS);
  cr_assert_eq(libos.simple(65535, 0).result, -ENOSYS);
}

namespace {

// Answers with more than was asked for.
class Answering final : public DebuggerPort {
 public:
  std::vector<std::vector<std::byte>> asked;
  Descriptor ready{eventfd(1, EFD_CLOEXEC)};
  int server_descriptor() const override { return ready.get(); }
  void ask(std::span<const std::byte> question) override { asked.emplace_back(question.begin(), question.end()); }
  std::optional<std::vector<std::byte>> take_answer() override { return std::vector<std::byte>(1000, std::byte{7}); }
  bool take_interrupt() override { return true; }
};

}  // namespace

Test(operations, who_has_no_debugger_is_not_held) {
  FakeLibos libos;
  cr_expect_eq(libos.transfer(PL_OP_DEBUG, 0, 100).result, -ENOSYS);
  cr_expect_not(libos.instance.is_held());
}

Test(operations, a_stopped_enclave_is_held_until_its_debugger_answers_into_its_buffer_alone) {
  FakeLibos libos;
  Answering debugger;
  libos.instance.be_debugged(debugger);
  cr_expect_eq(libos.transfer(PL_OP_DEBUG, 0, FakeLibos::kSize).result, -EINVAL);
  pl_request request{};
  request.operation = PL_OP_DEBUG;
  request.buffer = FakeLibos::kBuffer;
  request.length = 100;
  libos.queue(request);
  cr_assert_neq(libos.instance.serve(), Instance::Served::Broken);
  cr_expect(libos.instance.is_held());
  cr_assert_eq(debugger.asked.size(), 1);
  cr_expect_eq(debugger.asked[0].size(), 100);
  pl_reply reply{};
  cr_expect_not(libos.reply(reply));
  // It is not to be entered; if it asks again all the same, nobody is asked.
  request.slot = 1;
  libos.queue(request);
  cr_assert_neq(libos.instance.serve(), Instance::Served::Broken);
  cr_assert(libos.reply(reply));
  cr_expect_eq(reply.result, -ENOSYS);
  cr_expect(libos.instance.deliver(debugger.server_descriptor(), POLLIN));
  cr_assert(libos.reply(reply));
  cr_expect_eq(reply.slot, 0);
  cr_expect_eq(reply.result, 100);
  cr_expect_eq(libos.text(FakeLibos::kBuffer, 101), std::string(100, '\7') + '\0');
  cr_expect_eq(libos.ring().signals, PL_SIGNAL_DEBUG);
  cr_expect_not(libos.instance.is_held());
}

Test(operations, a_full_ring_is_served_in_order) {
  FakeLibos libos;
  for (int round = 0; round < 5; ++round) {
    for (uint16_t i = 0; i < PL_RING_ENTRIES; ++i) {
      pl_request request{};
      request.slot = i;
      request.generation = static_cast<uint16_t>(round * 100 + i);
      libos.queue(request);
    }
    cr_assert_neq(libos.instance.serve(), Instance::Served::Broken);
    pl_reply reply{};
    for (uint16_t i = 0; i < PL_RING_ENTRIES; ++i) {
      cr_assert(libos.reply(reply));
      cr_assert_eq(reply.slot, i);
      cr_assert_eq(reply.generation, round * 100 + i);
    }
    cr_assert(!libos.reply(reply));
  }
}

Test(operations, a_file_is_made_written_read_and_closed) {
  Directory directory;
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  pl_reply opened = libos.open(root, "file", PL_OPEN_READ | PL_OPEN_WRITE | PL_OPEN_CREATE | PL_OPEN_EXCLUSIVE, 0640);
  cr_assert_eq(opened.result, 0);
  pl_stat status = libos.status_behind("file");
  cr_assert_eq(status.size, 0);
  cr_assert(S_ISREG(status.mode));
  auto handle = static_cast<uint32_t>(opened.value);

  libos.put(FakeLibos::kBuffer, "hello world");
  cr_assert_eq(libos.transfer(PL_OP_PWRITE, handle, 11, 5).result, 11);
  cr_assert_eq(directory.read("file"), std::string("\0\0\0\0\0hello world", 16));
  std::memset(libos.at(FakeLibos::kBuffer), 0, 64);
  cr_assert_eq(libos.transfer(PL_OP_PREAD, handle, 64, 11).result, 5);
  cr_assert_eq(libos.text(FakeLibos::kBuffer, 5), "world");
  cr_assert_eq(libos.transfer(PL_OP_PREAD, handle, 64, 16).result, 0);

  cr_assert_eq(libos.simple(PL_OP_TRUNCATE, handle, 0, 3).result, 0);
  cr_assert_eq(libos.simple(PL_OP_STAT, handle).result, 0);
  cr_assert_eq(libos.get<pl_stat>(FakeLibos::kBuffer).size, 3);
  cr_assert_eq(libos.simple(PL_OP_ALLOCATE, handle, 0, 0, 100).result, 0);
  cr_assert_eq(directory.read("file").size(), 100);
  cr_assert_eq(libos.simple(PL_OP_SYNC, handle).result, 0);
  cr_assert_eq(libos.simple(PL_OP_SYNC, handle, 1).result, 0);
  cr_assert_eq(libos.open(root, "file", PL_OPEN_WRITE | PL_OPEN_CREATE | PL_OPEN_EXCLUSIVE).result, -EEXIST);
  cr_assert_eq(libos.simple(PL_OP_CLOSE, handle).result, 0);
  cr_assert_eq(libos.simple(PL_OP_CLOSE, handle).result, -EBADF);
}

Test(operations, a_closed_handle_stays_void_when_its_place_is_used_again) {
  Directory directory;
  directory.write("a", "A");
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  auto first = static_cast<uint32_t>(libos.open(root, "a", PL_OPEN_READ).value);
  libos.simple(PL_OP_CLOSE, first);
  auto second = static_cast<uint32_t>(libos.open(root, "a", PL_OPEN_READ).value);
  cr_assert_eq(PL_HANDLE_INDEX(first), PL_HANDLE_INDEX(second));
  cr_assert_neq(first, second);
  cr_assert_eq(libos.transfer(PL_OP_PREAD, first, 1).result, -EBADF);
  cr_assert_eq(libos.transfer(PL_OP_PREAD, second, 1).result, 1);
}

Test(operations, handles_run_out_cleanly) {
  Directory directory;
  directory.write("a", "A");
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  std::set<uint64_t> open;
  for (;;) {
    pl_reply reply = libos.open(root, "a", PL_OPEN_READ);
    if (reply.result == -EMFILE) break;
    cr_assert_eq(reply.result, 0);
    cr_assert(open.insert(reply.value).second);
    cr_assert_leq(open.size(), PL_HANDLES);
  }
  cr_assert_eq(open.size(), PL_HANDLES - PL_HANDLE_FIRST);
  libos.simple(PL_OP_CLOSE, static_cast<uint32_t>(*open.begin()));
  cr_assert_eq(libos.open(root, "a", PL_OPEN_READ).result, 0);
}

Test(operations, lookup_tells_of_a_link_and_not_of_its_target) {
  Directory directory;
  cr_assert_eq(symlink("/etc/passwd", directory.path("link").c_str()), 0);
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  cr_assert_eq(libos.call(libos.named(PL_OP_LOOKUP, root, "link")).result, 0);
  cr_assert(S_ISLNK(libos.status_behind("link").mode));
  cr_assert_eq(libos.call(libos.named(PL_OP_LOOKUP, root, "none")).result, -ENOENT);

  pl_request request = libos.named(PL_OP_READLINK, root, "link");
  request.arg[1] = FakeLibos::kMore;
  request.arg[2] = 4096;
  cr_assert_eq(libos.call(request).result, 11);
  cr_assert_eq(libos.text(FakeLibos::kMore, 11), "/etc/passwd");
}

Test(operations, a_large_directory_is_listed_once_and_whole) {
  Directory directory;
  std::set<std::string> wanted;
  for (int i = 0; i < 2000; ++i) {
    std::string name = "f" + std::to_string(i) + std::string(static_cast<size_t>(i % 200), 'x');
    directory.write(name, "");
    wanted.insert(name);
  }
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  for (uint32_t length : {600u, 4096u, 16384u}) {
    std::set<std::string> seen;
    uint64_t cookie = 0;
    for (;;) {
      pl_reply reply = libos.transfer(PL_OP_LIST, root, length, cookie);
      cr_assert_geq(reply.result, 0);
      if (reply.result == 0) break;
      for (uint32_t at = 0; at < static_cast<uint32_t>(reply.result);) {
        auto entry = libos.get<pl_dirent>(FakeLibos::kBuffer + at);
        cr_assert_gt(entry.record, sizeof entry);
        cr_assert_eq(entry.record % 8, 0);
        cr_assert_eq(entry.type, DT_REG);
        std::string name = libos.text(FakeLibos::kBuffer + at + sizeof entry, entry.name_length);
        cr_assert(seen.insert(name).second, "%s twice", name.c_str());
        cookie = entry.cookie;
        at += entry.record;
      }
    }
    cr_assert_eq(seen, wanted);
  }
}

Test(operations, a_listing_goes_on_behind_any_of_its_cookies) {
  Directory directory;
  for (int i = 0; i < 20; ++i) directory.write("f" + std::to_string(i), "");
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  std::vector<std::pair<uint64_t, std::string>> all;
  pl_reply reply = libos.transfer(PL_OP_LIST, root, 8192);
  for (uint32_t at = 0; at < static_cast<uint32_t>(reply.result);) {
    auto entry = libos.get<pl_dirent>(FakeLibos::kBuffer + at);
    all.emplace_back(entry.cookie, libos.text(FakeLibos::kBuffer + at + sizeof entry, entry.name_length));
    at += entry.record;
  }
  cr_assert_eq(all.size(), 20);
  for (size_t i = 0; i + 1 < all.size(); ++i) {
    cr_assert_gt(libos.transfer(PL_OP_LIST, root, 8192, all[i].first).result, 0);
    auto entry = libos.get<pl_dirent>(FakeLibos::kBuffer);
    cr_assert_eq(libos.text(FakeLibos::kBuffer + sizeof entry, entry.name_length), all[i + 1].second);
  }
}

Test(operations, names_are_made_moved_linked_and_removed) {
  Directory directory;
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  pl_request request = libos.named(PL_OP_MKDIR, root, "sub");
  request.arg[0] = 0755;
  cr_assert_eq(libos.call(request).result, 0);
  auto sub = static_cast<uint32_t>(libos.open(root, "sub", PL_OPEN_DIRECTORY | PL_OPEN_READ).value);
  auto file = static_cast<uint32_t>(libos.open(root, "a", PL_OPEN_WRITE | PL_OPEN_CREATE).value);

  request = libos.named(PL_OP_RENAME, root, "a");
  libos.put(FakeLibos::kMore, "b");
  request.arg[0] = sub;
  request.arg[1] = FakeLibos::kMore;
  request.arg[2] = 1;
  cr_assert_eq(libos.call(request).result, 0);
  cr_assert(std::filesystem::exists(directory.path("sub/b")));

  request = libos.named(PL_OP_LINK, file, "hard");
  request.arg[0] = root;
  cr_assert_eq(libos.call(request).result, 0);
  cr_assert_eq(std::filesystem::hard_link_count(directory.path("hard")), 2);

  request = libos.named(PL_OP_SYMLINK, root, "soft");
  libos.put(FakeLibos::kMore, "../anywhere");
  request.arg[1] = FakeLibos::kMore;
  request.arg[2] = 11;
  cr_assert_eq(libos.call(request).result, 0);
  cr_assert_eq(std::filesystem::read_symlink(directory.path("soft")), "../anywhere");

  auto remove_directory = [&] {
    pl_request removal = libos.named(PL_OP_UNLINK, root, "sub");
    removal.extra = 1;
    return libos.call(removal).result;
  };
  cr_assert_eq(remove_directory(), -ENOTEMPTY);
  cr_assert_eq(libos.call(libos.named(PL_OP_UNLINK, sub, "b")).result, 0);
  cr_assert_eq(remove_directory(), 0);
  cr_assert_eq(libos.call(libos.named(PL_OP_UNLINK, root, "sub")).result, -ENOENT);
}

Test(operations, renaming_can_refuse_to_replace) {
  Directory directory;
  directory.write("a", "A");
  directory.write("b", "B");
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  pl_request request = libos.named(PL_OP_RENAME, root, "a");
  libos.put(FakeLibos::kMore, "b");
  request.arg[0] = root;
  request.arg[1] = FakeLibos::kMore;
  request.arg[2] = 1;
  request.extra = RENAME_NOREPLACE;
  cr_assert_eq(libos.call(request).result, -EEXIST);
  request.extra = 0;
  cr_assert_eq(libos.call(request).result, 0);
  cr_assert_eq(directory.read("b"), "A");
}

Test(operations, attributes_are_set) {
  Directory directory;
  directory.write("a", "A");
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  auto file = static_cast<uint32_t>(libos.open(root, "a", PL_OPEN_READ).value);
  pl_times times{1'500'000'000'000'000'001, PL_TIME_OMIT};
  pl_stat before;
  libos.simple(PL_OP_STAT, file);
  before = libos.get<pl_stat>(FakeLibos::kBuffer);
  std::memcpy(libos.at(FakeLibos::kBuffer), &times, sizeof times);
  cr_assert_eq(libos.simple(PL_OP_ATTRIBUTES, file, PL_SET_MODE | PL_SET_TIMES, 0, 0600).result, 0);
  libos.simple(PL_OP_STAT, file);
  auto after = libos.get<pl_stat>(FakeLibos::kBuffer);
  cr_assert_eq(after.mode & 07777, 0600);
  cr_assert_eq(after.atime, times.atime);
  cr_assert_eq(after.mtime, before.mtime);
  times = {-1, PL_TIME_NOW};
  std::memcpy(libos.at(FakeLibos::kBuffer), &times, sizeof times);
  cr_assert_eq(libos.simple(PL_OP_ATTRIBUTES, file, PL_SET_TIMES).result, 0);
  cr_assert_eq(libos.simple(PL_OP_ATTRIBUTES, file, 16).result, -EINVAL);
}

Test(operations, attributes_are_set_by_name_and_never_through_a_link) {
  Directory directory;
  directory.write("a", "A");
  cr_assert_eq(symlink("a", (directory.path() + "/link").c_str()), 0);
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  auto set = [&](std::string_view name, uint32_t which, uint32_t mode) {
    pl_times times{5'000'000'000, 6'000'000'000};
    std::memcpy(libos.at(FakeLibos::kBuffer), &times, sizeof times);
    std::memcpy(libos.at(FakeLibos::kBuffer) + sizeof times, name.data(), name.size());
    pl_request request = libos.named(PL_OP_ATTRIBUTES, root, "");
    request.buffer = FakeLibos::kBuffer;
    request.extra = which | PL_SET_NAMED;
    request.arg[0] = mode;
    request.arg[2] = name.size();
    return libos.call(request).result;
  };
  struct stat status;
  cr_assert_eq(set("a", PL_SET_MODE | PL_SET_TIMES, 0600), 0);
  cr_assert_eq(stat((directory.path() + "/a").c_str(), &status), 0);
  cr_assert_eq(status.st_mode & 07777, 0600);
  cr_assert_eq(status.st_mtim.tv_sec, 6);
  cr_assert_eq(set("link", PL_SET_MODE, 0644), -EOPNOTSUPP);
  cr_assert_eq(set("link", PL_SET_TIMES, 0), 0);
  cr_assert_eq(lstat((directory.path() + "/link").c_str(), &status), 0);
  cr_assert_eq(status.st_mtim.tv_sec, 6);
  cr_assert_eq(set("..", PL_SET_MODE, 0644), -EINVAL);
  cr_assert_eq(set("a/b", PL_SET_MODE, 0644), -EINVAL);
  cr_assert_eq(set("none", PL_SET_MODE, 0644), -ENOENT);
}

Test(operations, the_file_system_tells_its_size) {
  Directory directory;
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  cr_assert_eq(libos.simple(PL_OP_STATFS, root).result, 0);
  cr_assert_gt(libos.get<pl_statfs>(FakeLibos::kBuffer).block_size, 0);
}

Test(operations, locks_are_seen_by_other_descriptions) {
  Directory directory;
  directory.write("a", "A");
  FakeLibos libos;
  uint32_t root = libos.mount(directory.path());
  constexpr uint32_t kHow = PL_OPEN_READ | PL_OPEN_WRITE;
  auto one = static_cast<uint32_t>(libos.open(root, "a", kHow).value);
  auto two = static_cast<uint32_t>(libos.open(root, "a", kHow).value);
  cr_assert_eq(libos.simple(PL_OP_LOCK, one, PL_LOCK_EXCLUSIVE, 0, 10).result, 0);
  cr_assert_eq(libos.simple(PL_OP_LOCK, two, PL_LOCK_SHARED, 5, 1).result, -EAGAIN);
  cr_assert_eq(libos.simple(PL_OP_LOCK, two, PL_LOCK_SHARED, 10, 1).result, 0);
  pl_request test{};
  test.operation = PL_OP_LOCK;
  test.handle = two;
  test.buffer = FakeLibos::kBuffer;
  test.length = sizeof(pl_lock);
  test.extra = PL_LOCK_TEST;
  test.offset = 5;
  test.arg[0] = 100;
  test.arg[1] = PL_LOCK_SHARED;
  cr_assert_eq(libos.call(test).value, 1 + PL_LOCK_EXCLUSIVE);
  cr_assert_eq(libos.get<pl_lock>(FakeLibos::kBuffer).first, 0);
  cr_assert_eq(libos.get<pl_lock>(FakeLibos::kBuffer).length, 10);
  test.length = 8;
  cr_assert_eq(libos.call(test).result, -EINVAL);
  test.length = sizeof(pl_lock), test.arg[1] = PL_LOCK_RELEASE;
  cr_assert_eq(libos.call(test).result, -EINVAL);
  cr_assert_eq(libos.simple(PL_OP_LOCK, one, PL_LOCK_RELEASE, 0, 0).result, 0);
  test.arg[1] = PL_LOCK_EXCLUSIVE;
  cr_assert_eq(libos.call(test).value, 0);
  cr_assert_eq(libos.simple(PL_OP_LOCK, two, 9, 0, 1).result, -EINVAL);
  // flock(2)'s locks are others.
  cr_assert_eq(libos.simple(PL_OP_LOCK, one, PL_LOCK_FLOCK | PL_LOCK_EXCLUSIVE).result, 0);
  cr_assert_eq(libos.simple(PL_OP_LOCK, two, PL_LOCK_FLOCK | PL_LOCK_SHARED).result, -EAGAIN);
  cr_assert_eq(libos.simple(PL_OP_LOCK, two, PL_LOCK_EXCLUSIVE, 0, 1).result, 0);
  cr_assert_eq(libos.simple(PL_OP_LOCK, one, PL_LOCK_FLOCK | PL_LOCK_RELEASE).result, 0);
  cr_assert_eq(libos.simple(PL_OP_LOCK, two, PL_LOCK_FLOCK | PL_LOCK_SHARED).result, 0);
  cr_assert_eq(libos.simple(PL_OP_LOCK, two, PL_LOCK_FLOCK | PL_LOCK_TEST).result, -EINVAL);
}

Test(operations, the_time_is_this_machines) {
  FakeLibos libos;
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t value = libos.simple(PL_OP_TIME, 0).value;
  cr_assert_geq(value / 1'000'000'000, static_cast<uint64_t>(now.tv_sec));
  cr_assert_leq(value / 1'000'000'000, static_cast<uint64_t>(now.tv_sec) + 5);
}

Test(operations, a_mounted_file_is_one_file) {
  Directory directory;
  directory.write("a", "alone");
  FakeLibos libos;
  uint32_t file = libos.mount(directory.path("a"));
  cr_assert_eq(libos.transfer(PL_OP_PREAD, file, 64).result, 5);
  cr_assert_eq(libos.transfer(PL_OP_PWRITE, file, 1).result, -EBADF);
  cr_assert_eq(libos.open(file, "x", PL_OPEN_READ).result, -EBADF);
  cr_assert_eq(libos.simple(PL_OP_CLOSE, file).result, -EBADF);
}
