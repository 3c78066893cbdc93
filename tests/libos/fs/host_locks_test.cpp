// SPDX-License-Identifier: BSD-2-Clause
// Locks of a host file: what the host is told, and what it may answer. The host here is the kernel's own, through a descriptor for each handle.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "fs/host/host_inode.h"
#include "fs/path.h"
#include "hosted.h"
#include "penglai/config.h"

using namespace pl;
using namespace hosted;
using locks::Blocking;
using locks::Kind;
using locks::Type;

namespace {

struct Host {
  char name[32] = "/tmp/pl-locks-XXXXXX";
  std::map<uint32_t, int> handles;
  unsigned questions = 0;
  std::function<void(const pl_request&)> lie;  // in place of the answer

  Host() { close(mkstemp(name)); }
  ~Host() { unlink(name); }
  int another() const { return open(name, O_RDWR | O_CLOEXEC); }

  void put_stat(uint32_t at, uint32_t mode) const {
    pl_stat s{};
    s.mode = mode;
    s.inode = mode;
    s.links = 1;
    std::memcpy(window + at, &s, sizeof s);
  }

  void answer(const pl_request& r) {
    const uint32_t behind = r.buffer + (r.length + 7) / 8 * 8;
    switch (r.operation) {
      case PL_OP_STAT: put_stat(r.buffer, 040755); return reply(r, 0);
      case PL_OP_LOOKUP: put_stat(behind, 0100644); return reply(r, 0);
      case PL_OP_OPEN: {
        uint32_t handle = PL_HANDLE_FIRST;
        while (handles.count(handle)) ++handle;
        handles[handle] = open(name, (r.extra & PL_OPEN_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        put_stat(behind, 0100644);
        return reply(r, 0, handle);
      }
      case PL_OP_CLOSE:
        close(handles[r.handle]);
        handles.erase(r.handle);
        return reply(r, 0);
      case PL_OP_LOCK: {
        ++questions;
        if (lie) return lie(r);
        const int file = handles.at(r.handle);
        if (r.extra & PL_LOCK_FLOCK) {
          const int operations[] = {LOCK_SH, LOCK_EX, LOCK_UN};
          return reply(r, flock(file, operations[r.extra & 3] | LOCK_NB) ? -errno : 0);
        }
        struct flock lock {};
        const short types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
        lock.l_type = types[r.extra == PL_LOCK_TEST ? r.arg[1] : r.extra];
        lock.l_start = off_t(r.offset);
        lock.l_len = off_t(r.arg[0]);
        if (r.extra != PL_LOCK_TEST) return reply(r, fcntl(file, F_OFD_SETLK, &lock) ? -errno : 0);
        fcntl(file, F_OFD_GETLK, &lock);
        pl_lock range{uint64_t(lock.l_start), uint64_t(lock.l_len)};
        std::memcpy(window + r.buffer, &range, sizeof range);
        return reply(r, 0, lock.l_type == F_UNLCK ? 0 : lock.l_type == F_RDLCK ? 1 : 2);
      }
      default: return reply(r, -ENOSYS);
    }
  }
};

Host* host;

void setup() {
  make_window();
  host = new Host;
  serve([](const pl_request& r) { host->answer(r); });
  make_tree_with_mount();
}
void finish() { delete host; }

Ref<File> open_db(uint32_t flags = open_flag::ReadWrite) { return must(open_path(cwd(), "/host/db", flags, 0)); }
int set(File& f, const void* owner, Type type, uint64_t first, uint64_t last, Blocking blocking = Blocking::No) {
  return error_of(locks::set(f, {Kind::Record, type, owner, 1, first, last}, blocking));
}
int set_whole(File& f, Type type, Blocking blocking = Blocking::No) {
  return error_of(locks::set(f, {Kind::Flock, type, &f, 1, 0, ~uint64_t(0)}, blocking));
}
// What another process of the host can have of a byte.
enum Free { Nothing, Shared, All };
Free free_at(off_t byte) {
  const int file = host->another();
  Free result = Nothing;
  for (auto [type, free] : {std::pair<short, Free>{F_RDLCK, Shared}, {F_WRLCK, All}}) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_start = byte;
    lock.l_len = 1;
    if (fcntl(file, F_OFD_SETLK, &lock) == 0) result = free;
  }
  close(file);
  return result;
}

}  // namespace

TestSuite(host_locks, .init = setup, .fini = finish);

Test(host_locks, the_host_holds_what_the_owners_inside_hold_together) {
  auto f = open_db(), g = open_db();  // two descriptions, so two handles
  int a, b;
  cr_assert_eq(set(*f, &a, Type::Read, 0, 99), 0);
  cr_assert_eq(set(*g, &b, Type::Read, 50, 149), 0);
  cr_assert_eq(set(*g, &b, Type::Write, 200, 200), 0);
  cr_assert_eq(free_at(75), Shared);
  cr_assert_eq(free_at(200), Nothing);
  cr_assert_eq(free_at(150), All);
  // One gives up what the other has, too.
  cr_assert_eq(set(*f, &a, Type::Unlock, 0, INT64_MAX), 0);
  cr_assert_eq(free_at(49), All);
  cr_assert_eq(free_at(50), Shared);
  cr_assert_eq(free_at(200), Nothing);
  // Of one process two descriptions are not in each other's way.
  cr_assert_eq(set(*f, &b, Type::Write, 50, 149), 0);
  cr_assert_eq(set(*g, &b, Type::Read, 50, 149), 0);
  cr_assert_eq(free_at(50), Shared);
  f->descriptor_closed(&b);
  cr_assert_eq(free_at(50), All);
  cr_assert_eq(free_at(200), All);
}

Test(host_locks, a_lock_of_the_host_is_in_the_way_and_is_shown) {
  auto f = open_db();
  int a;
  const int other = host->another();
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_start = 10;
  lock.l_len = 5;
  cr_assert_eq(fcntl(other, F_OFD_SETLK, &lock), 0);
  cr_assert_eq(set(*f, &a, Type::Write, 0, INT64_MAX), EAGAIN);
  cr_assert_eq(set(*f, &a, Type::Read, 0, INT64_MAX), 0);
  locks::Lock blocker;
  cr_assert(must(locks::test(*f, {Kind::Record, Type::Write, &a, 1, 0, INT64_MAX}, blocker)));
  cr_assert_eq(blocker.type, Type::Read);
  cr_assert_eq(blocker.first, 10);
  cr_assert_eq(blocker.last, 14);
  cr_assert_eq(blocker.pid, -1);
  cr_assert_not(must(locks::test(*f, {Kind::Record, Type::Write, &a, 1, 15, 20}, blocker)));
  close(other);
  cr_assert_eq(set(*f, &a, Type::Write, 0, INT64_MAX), 0);
}

Test(host_locks, waiting_for_the_host_ends_with_its_lock_or_a_signal) {
  auto f = open_db();
  int a;
  int other = host->another();
  cr_assert_eq(flock(other, LOCK_SH), 0);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  cr_assert_eq(fcntl(other, F_OFD_SETLK, &lock), 0);
  unsigned slept = 0;
  while_asleep = [&] {
    if (++slept == 5) close(other);
    return false;
  };
  cr_assert_eq(set(*f, &a, Type::Write, 0, 10, Blocking::Yes), 0);
  cr_assert_eq(slept, 5);
  cr_assert_eq(free_at(5), Nothing);
  other = host->another();
  cr_assert_eq(flock(other, LOCK_SH), 0);
  interrupted = true;
  cr_assert_eq(set_whole(*f, Type::Write, Blocking::Yes), EINTR);
  cr_assert_eq(set_whole(*f, Type::Read), 0);
  // flock(2): a conversion that fails has given up what there was.
  cr_assert_eq(set_whole(*f, Type::Write), EAGAIN);
  cr_assert_eq(flock(other, LOCK_EX | LOCK_NB), 0);
  while_asleep = nullptr;
}

Test(host_locks, shared_locks_move_to_a_handle_that_can_have_exclusive_ones) {
  auto reader = open_db(open_flag::ReadOnly);
  int a, b;
  cr_assert_eq(set(*reader, &a, Type::Read, 0, 9), 0);
  auto writer = open_db();
  cr_assert_eq(set(*writer, &b, Type::Write, 20, 29), 0);
  cr_assert_eq(free_at(5), Shared);
  cr_assert_eq(free_at(25), Nothing);
  cr_assert_eq(set(*writer, &a, Type::Write, 0, 9), 0);
  cr_assert_eq(set(*reader, &a, Type::Unlock, 0, 9), 0);
  cr_assert_eq(free_at(5), All);
}

Test(host_locks, locks_end_with_their_descriptions_and_handles_are_given_back) {
  for (int i = 0; i < 100; ++i) {
    auto f = open_db(), g = open_db();
    cr_assert_eq(set_whole(*f, Type::Write), 0);
    cr_assert_eq(set_whole(*g, Type::Read), EAGAIN);
    f = nullptr;
    cr_assert_eq(set_whole(*g, Type::Write), 0);
    cr_assert_eq(flock(host->another(), LOCK_SH | LOCK_NB), -1);
  }
  (void)open_db();  // what was posted goes along
  cr_assert_leq(host->handles.size(), 2);
}

Test(host_locks, an_answer_that_no_lock_can_have_is_EIO) {
  auto f = open_db();
  int a;
  locks::Lock blocker;
  auto told = [&](uint64_t value, uint64_t first, uint64_t length, Type wanted = Type::Write) {
    host->lie = [=](const pl_request& r) {
      pl_lock range{first, length};
      std::memcpy(window + r.buffer, &range, sizeof range);
      reply(r, 0, value);
    };
    return error_of(locks::test(*f, {Kind::Record, wanted, &a, 1, 100, 199}, blocker));
  };
  cr_assert_eq(told(2, 150, 1), 0);
  cr_assert_eq(told(1, 0, 0), 0);
  cr_assert_eq(told(3, 150, 1), EIO);
  cr_assert_eq(told(2, 200, 1), EIO);
  cr_assert_eq(told(2, 0, 100), EIO);
  cr_assert_eq(told(2, 150, INT64_MAX), EIO);
  cr_assert_eq(told(2, UINT64_MAX, 1), EIO);
  cr_assert_eq(told(1, 150, 1, Type::Read), EIO);
  host->lie = [](const pl_request& r) { reply(r, -ENOENT); };
  cr_assert_eq(set(*f, &a, Type::Write, 0, 10), EIO);
  // What the host did not grant nobody has.
  host->lie = nullptr;
  int b;
  cr_assert_eq(set(*f, &b, Type::Write, 0, 10), 0);
}
